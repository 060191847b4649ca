package actor_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thejerf/abtime"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// stepping makes a Spec whose handlers wait for a step, and end with what it brings.
func stepping(step <-chan error) *actor.Spec[int] {
	return &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
		return actor.Func[int](func(context.Context, int) error { return <-step }), nil
	}}
}

// ages compares since when the oldest waits and one is in hand; -1: there is none.
func ages(t *testing.T, what string, s *tend.Supervisor, began time.Time, waiting int, oldest, handling time.Duration) {
	t.Helper()
	synctest.Wait()
	m := s.Status().Services[0].Mailbox
	since := func(at time.Time) time.Duration {
		if at.IsZero() {
			return -1
		}
		return at.Sub(began)
	}
	if m.Waiting != waiting || since(m.Oldest) != oldest || since(m.Handling) != handling {
		t.Errorf("%s: %d wait, the oldest since %v, one is in hand since %v", what, m.Waiting, since(m.Oldest), since(m.Handling))
	}
}

// TestHowLongMessagesWait: since when the oldest waits is right to within a turn, and never
// too late; since when one is in hand is exact where messages take their time.
func TestHowLongMessagesWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const s = time.Second
		step := make(chan error)
		a := actor.New("a", stepping(step))
		hang := make(chan error)
		other := actor.New("other", stepping(hang))
		root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}, Jitter: -1, FailureThreshold: 0.5})
		root.Add(a)
		root.Add(other)
		began := time.Now()
		send := func(to *actor.Actor[int], n int) {
			for range n {
				if err := to.TrySend(0); err != nil {
					t.Error(err)
				}
			}
		}
		until := func(at time.Duration) { time.Sleep(at - time.Since(began)) }
		send(a, 1)
		ages(t, "not served, one waits", root, began, 1, 0, -1)
		until(1 * s)
		root.ServeBackground(t.Context())
		ages(t, "one is in hand", root, began, 0, -1, 1*s)
		until(2 * s)
		send(a, 1)
		ages(t, "another waits, since the turn began or later", root, began, 1, 1*s, 1*s)
		until(3 * s)
		step <- nil
		ages(t, "it is in hand", root, began, 0, -1, 3*s)
		until(4 * s)
		send(other, 1) // which hangs: its turn tells what time it is
		synctest.Wait()
		send(a, 3)
		ages(t, "three wait", root, began, 3, 4*s, 3*s)
		until(5 * s)
		step <- nil
		ages(t, "the first of them is in hand", root, began, 2, 4*s, 5*s)
		until(6 * s)
		step <- errBoom
		ages(t, "it has failed, and two wait for the end of the pause", root, began, 2, 4*s, -1)
		until(7 * s)
		send(a, 1)
		ages(t, "with a third", root, began, 3, 4*s, -1)
		until(21 * s)
		ages(t, "one is in hand of the next run", root, began, 2, 4*s, 21*s)
		until(22 * s)
		close(step)
		ages(t, "idle", root, began, 0, -1, -1)
		close(hang)
		root.Stop()
	})
}

// TestHowLongABacklogWaits: each turn tells anew since when what comes after it waits.
func TestHowLongABacklogWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan error)
		spec := stepping(step)
		spec.Mailbox = 10_000
		a := actor.New("a", spec)
		root, _ := serve(t, tend.Spec{}, a)
		began := time.Now()
		for range 1000 { // one a second, and each takes two
			if err := a.TrySend(0); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if int(time.Since(began)/time.Second)%2 == 0 {
				step <- nil
			}
		}
		synctest.Wait()
		m := root.Status().Services[0].Mailbox
		oldest := time.Duration(1000-m.Waiting) * time.Second // when it came
		if m.Waiting != 499 || m.Oldest.Sub(began) > oldest || m.Oldest.Sub(began) < oldest-2*64*time.Second {
			t.Errorf("%d wait, the oldest since %v, not %v", m.Waiting, m.Oldest.Sub(began), oldest)
		}
		close(step)
	})
}

// TestAgesWhereSomeMessagesAreSlow: then the clock is read when a turn begins, and what comes
// meanwhile is as old as that at most.
func TestAgesWhereSomeMessagesAreSlow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const s = time.Second
		n := 0
		a := actor.New("a", &actor.Spec[int]{Mailbox: 1000, New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
			return actor.Func[int](func(context.Context, int) error {
				if n++; n%3 == 0 {
					time.Sleep(10 * s)
				}
				return nil
			}), nil
		}})
		began := time.Now()
		until := func(at time.Duration, count int) {
			time.Sleep(at - time.Since(began))
			for range count {
				if err := a.TrySend(0); err != nil {
					t.Error(err)
				}
			}
		}
		until(0, 200) // before the first turn, which so begins with as many as it can have
		root, _ := serve(t, tend.Spec{}, a)
		until(105*s, 1)
		until(305*s, 1) // in the second turn, which began after 21 that are slow
		until(665*s, 0) // 201 is in hand, since that turn began or later, and 202 waits
		m := root.Status().Services[0].Mailbox
		if m.Waiting != 1 || m.Oldest.Sub(began) != 210*s {
			t.Errorf("%d wait, the oldest since %v", m.Waiting, m.Oldest.Sub(began))
		}
		until(1000*s, 0)
	})
}

// TestAgesOfWhatIsNotRun: where nobody works the time is asked, and what made room counts no
// more.
func TestAgesOfWhatIsNotRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan error)
		close(step)
		spec := stepping(step)
		spec.Mailbox, spec.DropOldest = 2, true
		a := actor.New("a", spec)
		root, _ := serve(t, tend.Spec{}, a)
		began := time.Now()
		time.Sleep(time.Second)
		_ = a.TrySend(0)
		synctest.Wait()
		_ = root.Suspend(root.Status().Services[0].Token)
		for range 5 {
			time.Sleep(time.Second)
			_ = a.TrySend(0)
		}
		ages(t, "suspended", root, began, 2, 5*time.Second, -1)
	})
}

// TestAgesGoByTheClockOfTheTree, also where a supervisor has another one.
func TestAgesGoByTheClockOfTheTree(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan error)
		outer := abtime.NewManualAtTime(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
		inner := abtime.NewManualAtTime(time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC))
		root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}, Clock: outer})
		nested := tend.New("nested", tend.Spec{Clock: inner})
		a := actor.New("a", stepping(step))
		nested.Add(a)
		root.Add(nested)
		root.ServeBackground(t.Context())
		outer.Advance(time.Minute)
		inner.Advance(time.Hour)
		_ = a.TrySend(1)
		synctest.Wait()
		if got, want := nested.Status().Services[0].Mailbox.Handling, inner.Now(); !got.Equal(want) {
			t.Errorf("one is in hand since %v, and it is %v", got, want)
		}
		close(step)
	})
}

// TestTheStatusOfAMailboxTravels as JSON, and says in words what there is to know.
func TestTheStatusOfAMailboxTravels(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan error)
		a := actor.New("a", stepping(step))
		root, _ := serve(t, tend.Spec{}, a)
		for range 3 {
			_ = a.TrySend(1)
		}
		time.Sleep(time.Minute)
		sent := root.Status()
		text, err := json.Marshal(sent)
		var got tend.Status
		if err == nil {
			err = json.Unmarshal(text, &got)
		}
		if d := cmp.Diff(sent.Services[0].Mailbox, got.Services[0].Mailbox); d != "" || err != nil {
			t.Errorf("%v\n%s", err, d)
		}
		if words := "2 of 256 messages, the oldest for 1m0s, one in hand for 1m0s\n"; !strings.Contains(sent.String(), words) {
			t.Errorf("no %q in\n%s", words, sent)
		}
		close(step)
	})
}
