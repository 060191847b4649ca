package actor

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/tend-go/tend"
)

// TestSizes: an idle actor takes its record in the tree, of 112 bytes, and this.
func TestSizes(t *testing.T) {
	if size := unsafe.Sizeof(Actor[int]{}); size > 80 {
		t.Errorf("an actor has %d bytes", size)
	}
}

// TestTrap19MemoryIsGivenBack when a flood is over.
func TestTrap19MemoryIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New("a", &Spec[int]{Mailbox: 10_000, New: func(context.Context, *Actor[int]) (Handler[int], error) {
			return Func[int](func(context.Context, int) error { return nil }), nil
		}})
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		for i := range 10_000 {
			if err := a.TrySend(i); err != nil {
				t.Fatal(err)
			}
		}
		s.Add(a)
		s.ServeBackground(t.Context())
		synctest.Wait()
		if a.box != nil {
			t.Errorf("it keeps room for %d messages", cap(a.box.in)+cap(a.box.out))
		}
		s.Stop()
	})
}

// TestAFloodLeavesNothing also in another run than the first, and if there is a timer.
func TestAFloodLeavesNothing(t *testing.T) {
	for name, drops := range map[string]bool{"batches": false, "drops": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := New("a", &Spec[int]{Mailbox: 10_000, DropOldest: drops, New: func(_ context.Context, self *Actor[int]) (Handler[int], error) {
					self.Every(time.Hour, 0)
					return Func[int](func(_ context.Context, m int) error {
						if m < 0 {
							return errors.New("boom")
						}
						return nil
					}), nil
				}})
				s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
				s.Add(a)
				s.ServeBackground(t.Context())
				for range 2 {
					for i := range 10_000 {
						if err := a.TrySend(i); err != nil {
							t.Fatal(err)
						}
					}
					synctest.Wait()
					if a.box == nil || cap(a.box.in)+cap(a.box.out) > 2*turnLength {
						t.Errorf("it keeps room for %d messages", cap(a.box.in)+cap(a.box.out))
					}
					_ = a.TrySend(-1)
					synctest.Wait()
				}
				s.Stop()
			})
		})
	}
}

// TestMemberSizes: a member takes its record in the tree, of 112 bytes, this, its name and
// its place in a map.
func TestMemberSizes(t *testing.T) {
	if size := unsafe.Sizeof(member[uint64, int]{}); size > 96 {
		t.Errorf("a member has %d bytes", size)
	}
}

// TestAStopTakesNoMemory of an actor that is idle: why its supervisor has stopped it need not
// keep for itself, whatever that is.
func TestAStopTakesNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New("a", &Spec[int]{New: func(context.Context, *Actor[int]) (Handler[int], error) {
			return Func[int](func(context.Context, int) error { return nil }), nil
		}})
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(a)
		why := errors.New("boom")
		ctx, cancel := context.WithCancelCause(t.Context())
		done := s.ServeBackground(ctx)
		synctest.Wait()
		cancel(why)
		<-done
		if err := a.TrySend(1); a.box != nil || !errors.Is(err, ErrGone) || !errors.Is(err, why) {
			t.Errorf("it has %+v, and says %v", a.box, err)
		}
		s.ServeBackground(t.Context())
		synctest.Wait()
		if err := a.TrySend(2); err != nil {
			t.Error("served again:", err)
		}
		s.Stop()
		if err := a.TrySend(3); !errors.Is(err, tend.ErrStopped) || errors.Is(err, why) {
			t.Errorf("stopped again it says %v", err)
		}
	})
}

// TestABoxIsPassedOnBare: nothing of who had it is in it.
func TestABoxIsPassedOnBare(t *testing.T) {
	a, l := &Actor[int]{}, &lonely{}
	for {
		a.link, a.box = l, &box[int]{marks: []mark{{1, 2}}, rare: &rare[int]{}}
		a.passOn()
		if b, is := l.Scratch().Get().(*box[int]); is { // a pool that is watched for races drops some
			if a.box != nil || len(b.marks) > 0 || b.rare != nil {
				t.Errorf("%+v", b)
			}
			return
		}
	}
}

// TestWhoIsBusyAgainKeepsTheBox until others are.
func TestWhoIsBusyAgainKeepsTheBox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New("a", &Spec[int]{New: func(context.Context, *Actor[int]) (Handler[int], error) {
			return Func[int](func(context.Context, int) error { return nil }), nil
		}})
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(a)
		s.ServeBackground(t.Context())
		defer s.Stop()
		synctest.Wait()
		keeps := func() bool {
			if err := a.TrySend(1); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return a.box != nil
		}
		for _, want := range []bool{false, true, true} {
			if got := keeps(); got != want {
				t.Errorf("it keeps it: %v", got)
			}
		}
		(*turns[int])(a).Shrink()
		if a.box != nil || keeps() || !keeps() {
			t.Errorf("when it was to let go, it has %+v", a.box)
		}
		a.set(listed, true) // as in a turn
		if (*turns[int])(a).Shrink(); a.box == nil {
			t.Error("it lets go of it in a turn")
		}
		a.set(listed, false)
		stop := a.After(time.Hour, 1)
		if (*turns[int])(a).Shrink(); a.box == nil || !stop() {
			t.Error("it lets go of a message that is to come")
		}
	})
}

// TestWhatEndsWithARunThatIsOver ends at once.
func TestWhatEndsWithARunThatIsOver(t *testing.T) {
	var a Actor[int]
	left := 0
	for _, off := range []bool{false, true} {
		a.endsWithRun(&alarm[int]{off: off}, func() { left++ })
	}
	if left != 1 {
		t.Errorf("%d are left", left)
	}
}
