package latent

import "testing"

type over bool

func (o *over) IsOver() bool { return bool(*o) }

// TestWaits: a wait that is over closes no circle, and its end takes nothing from a later one.
func TestWaits(t *testing.T) {
	var w Waits
	var first, second over
	end := w.Begin("a", "b", &first)
	if end == nil || w.Begin("b", "a", &second) != nil || w.Begin("a", "a", &second) != nil {
		t.Error("a circle is not seen, or seen where there is none")
	}
	first = true
	if w.Begin("b", "a", &second) == nil {
		t.Error("of a wait that is over")
	}
	second = true
	again := w.Begin("a", "b", new(over))
	end()
	if again == nil || w.Begin("b", "a", new(over)) != nil {
		t.Error("the end of an earlier wait has ended a later one")
	}
	again()
	if w.Begin("b", "a", new(over)) == nil {
		t.Error("it goes on after its end")
	}
}
