package actor

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
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
