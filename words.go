package tend

import "fmt"

// words are the texts of an enumeration, by its values.
type words[E ~uint8] []string

func (w words[E]) of(e E) string {
	if int(e) < len(w) {
		return w[e]
	}
	return fmt.Sprintf("%T(%d)", e, uint8(e))
}

// read sets e to the value that has the text.
func (w words[E]) read(e *E, text []byte) error {
	for i, word := range w {
		if word == string(text) {
			*e = E(i)
			return nil
		}
	}
	return fmt.Errorf("tend: %q is no %T", text, *e)
}
