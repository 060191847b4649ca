// Package words gives the values of an enumeration their texts, and reads them
// again.
package words

import "fmt"

// Words are the texts of the values of E, which count from 0.
type Words[E ~uint8] struct {
	owner string
	texts []string
}

// New makes the words of an enumeration. The owner is the package that the errors of
// Read name, such as "tend/health".
func New[E ~uint8](owner string, texts ...string) Words[E] { return Words[E]{owner, texts} }

// Of is the text of e. A value without one is its type and number.
func (w Words[E]) Of(e E) string {
	if int(e) < len(w.texts) {
		return w.texts[e]
	}
	return fmt.Sprintf("%T(%d)", e, uint8(e))
}

// Read sets e to the value that has the text. It leaves e alone if there is none,
// which is an error.
func (w Words[E]) Read(e *E, text []byte) error {
	for i, word := range w.texts {
		if word == string(text) {
			*e = E(i)
			return nil
		}
	}
	return fmt.Errorf("%s: %q is no %T", w.owner, text, *e)
}
