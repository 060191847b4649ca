package actor

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/latent"
)

// slowLink lets the nth who makes a context of the run have it when the nth gate opens.
type slowLink struct {
	latent.Link
	callers atomic.Int32
	gates   [2]chan struct{}
}

func (l *slowLink) Context(run uint64, unready bool) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := l.Link.Context(run, unready)
	<-l.gates[l.callers.Add(1)-1]
	return ctx, cancel
}

// TestTwoLookAtTheContextAtOnce: the supervisor knows of the one that they see.
func TestTwoLookAtTheContextAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ctx context.Context
		a := New("a", &Spec[int]{New: func(c context.Context, _ *Actor[int]) (Handler[int], error) {
			ctx = c
			return Func[int](func(context.Context, int) error { return nil }), nil
		}})
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(a)
		done := s.ServeBackground(t.Context())
		synctest.Wait()
		l := &slowLink{gates: [2]chan struct{}{make(chan struct{}), make(chan struct{})}}
		a.mu.Lock()
		l.Link, a.link = a.link, l
		a.mu.Unlock()
		for range l.gates {
			go ctx.Done()
			synctest.Wait()
		}
		for _, gate := range l.gates {
			close(gate)
			synctest.Wait()
		}
		tend.Annotate(ctx, slog.Int("seen", 1))
		synctest.Wait()
		if got := s.Status().Services[0].Annotations; len(got) != 1 {
			t.Errorf("the status has %v", got)
		}
		s.Stop()
		<-done
	})
}

// TestRemovedWhileItIsSuspended: a member that somebody removes is none any more, though its end as
// suspended is settled first.
func TestRemovedWhileItIsSuspended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := 0
		g := NewGroup("g", GroupSpec[int, int]{New: func(context.Context, *Actor[int], int) (Handler[int], error) {
			return Func[int](func(context.Context, int) error { handled++; return nil }), nil
		}})
		served(t, g)
		if err := g.Put(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		s := g.shard(1)
		s.mu.Lock()
		m := s.members[1]
		s.depart(m)
		s.mu.Unlock()
		_ = g.Supervisor().Suspend(g.Supervisor().Status().Services[0].Token)
		synctest.Wait()
		if err := g.To(1).TrySend(7); err != nil {
			t.Error(err)
		}
		g.remove(m, removeIt)
		if synctest.Wait(); handled != 1 {
			t.Errorf("%d messages were handled", handled)
		}
	})
}

// TestRemovedBeforeItsNew: a member that begins when it is no member any more hears, and says, that
// it was removed, and not that New has refused it.
func TestRemovedBeforeItsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		g := NewGroup("g", GroupSpec[int, int]{New: func(context.Context, *Actor[int], int) (Handler[int], error) {
			calls++
			return Func[int](func(context.Context, int) error { return nil }), nil
		}})
		served(t, g)
		c := make(chan news, 1)
		m, err := g.makeMissing(1, c, 0)
		if err != nil || m == nil || !m.claim() {
			t.Fatalf("%v, %v", m, err)
		}
		s := g.shard(1)
		s.mu.Lock()
		s.depart(m)
		s.mu.Unlock()
		if err := m.actor().TrySend(1); err != nil {
			t.Fatal(err)
		}
		g.host.Add([]any{m}, true)
		synctest.Wait()
		if n := <-c; !n.gone || !errors.Is(n.err, tend.ErrRemoved) {
			t.Errorf("who has put it there hears %v, gone %v", n.err, n.gone)
		}
		if err := m.actor().TrySend(1); !errors.Is(err, ErrGone) || !errors.Is(err, tend.ErrRemoved) {
			t.Errorf("it says %v", err)
		}
		if g.remove(m, removeIt); calls != 0 {
			t.Errorf("New was called %d times", calls)
		}
	})
}
