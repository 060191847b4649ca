package browsertest

import (
	"context"
	"testing"
	"time"

	"github.com/thejerf/abtime"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/observe"
)

// What is wrong with the messages of an actor is in the list, with its age, and what there
// is to know of them in the pane.
func TestAnActorThatHangs(t *testing.T) {
	clock, hang := abtime.NewManual(), make(chan struct{})
	a := actor.New("clerk", &actor.Spec[int]{Mailbox: 1, New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
		return actor.Func[int](func(context.Context, int) error { <-hang; return nil }), nil
	}})
	root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}, Clock: clock})
	root.Add(a)
	s := serve(t, root, observe.Options{})
	t.Cleanup(func() { close(hang) }) // before the tree is stopped
	for range 2 {
		if err := a.Send(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "one is in hand", func() bool { return !root.Status().Services[0].Mailbox.Handling.IsZero() })
	clock.Advance(150 * time.Second)
	b := newTab(t)
	b.open(s.URL)
	b.wait(row("clerk") + `?.el.querySelector(".error").innerText === "mailbox full, a message in hand"`)
	b.wait(row("clerk") + `?.el.querySelector(".error").dataset.t === "2m"`)
	b.click(row("clerk") + ".el")
	b.wait(`[...document.querySelectorAll("#node dl dt")].map(e => e.innerText + " " + e.nextSibling.innerText.replace(/ \(.*/, "")).join("|")
		.endsWith("Mailbox 1 of 1 wait, 0 open questions, 0 lost|Oldest message waits for 2m|Message in hand for 2m")`)
}
