package words

import "testing"

type color uint8

var colors = New[color]("tend/paint", "red", "green")

func TestWordsAreReadAgain(t *testing.T) {
	for e, want := range map[color]string{0: "red", 1: "green"} {
		var read color
		if text := colors.Of(e); text != want {
			t.Errorf("%d is %q, want %q", e, text, want)
		} else if err := colors.Read(&read, []byte(text)); err != nil || read != e {
			t.Errorf("%q was read as %d, %v", text, read, err)
		}
	}
}

func TestWhatHasNoWordIsNotRead(t *testing.T) {
	text := colors.Of(2)
	if text != "words.color(2)" {
		t.Errorf("2 is %q", text)
	}
	for text, want := range map[string]string{
		text:  `tend/paint: "words.color(2)" is no words.color`,
		"":    `tend/paint: "" is no words.color`,
		"Red": `tend/paint: "Red" is no words.color`,
	} {
		read := color(1)
		if err := colors.Read(&read, []byte(text)); err == nil || err.Error() != want || read != 1 {
			t.Errorf("%q was read as %d, %v", text, read, err)
		}
	}
}
