package actor

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// TestWhatIsAskedOfOneThatFallsAsleep: somebody suspends or restarts a member that has been
// taken out and of which the supervisor does not know that yet. It is a member again; or,
// if it has a successor, that alone is.
func TestWhatIsAskedOfOneThatFallsAsleep(t *testing.T) {
	for _, c := range []struct {
		name      string
		ask       func(s *tend.Supervisor, t tend.ServiceToken) error
		message   bool // for its successor
		want      tend.State
		same      bool // it is the member
		runs, was int  // calls of New
	}{
		{"suspend", func(s *tend.Supervisor, t tend.ServiceToken) error { return s.Suspend(t) }, false, tend.StateSuspended, true, 1, 1},
		{"suspend, successor", func(s *tend.Supervisor, t tend.ServiceToken) error { return s.Suspend(t) }, true, tend.StateRunning, false, 2, 1},
		{"restart", func(s *tend.Supervisor, t tend.ServiceToken) error { return s.Restart(t, nil) }, false, tend.StateRunning, true, 2, 1},
		{"restart, successor", func(s *tend.Supervisor, t tend.ServiceToken) error { return s.Restart(t, nil) }, true, tend.StateRunning, false, 2, 1},
		{"remove, successor", func(s *tend.Supervisor, t tend.ServiceToken) error { return s.Remove(t) }, true, tend.StateRunning, false, 2, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			news, handled := 0, 0
			g := NewGroup("g", GroupSpec[int, int]{New: func(context.Context, *Actor[int], int) (Handler[int], error) {
				news++
				return Func[int](func(context.Context, int) error { handled++; return nil }), nil
			}})
			served(t, g)
			if err := g.Put(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			a, _ := g.Get(1)
			m, sh := g.shard(1).members[1], g.shard(1)
			sh.mu.Lock()
			a.mu.Lock()
			out := sh.fallAsleep(m)
			a.mu.Unlock()
			sh.mu.Unlock()
			if err := a.TrySend(1); !errors.Is(err, ErrGone) || !errors.Is(err, tend.ErrRemoved) {
				t.Errorf("%s: the one that sleeps says %v", c.name, err)
			}
			token := g.Supervisor().Status().Services[0].Token
			if err := c.ask(g.Supervisor(), token); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if c.message {
				if err := g.To(1).TrySend(7); err != nil {
					t.Error(err)
				}
			}
			out.link.Slept(out.run, out.made)
			synctest.Wait()
			status := g.Supervisor().Status().Services
			if len(status) != 1 || status[0].State != c.want || g.Len() != 1 {
				t.Errorf("%s: %d members, %+v", c.name, g.Len(), status)
			}
			now, _ := g.Get(1)
			if (now == a) != c.same || news != c.runs || len(sh.leaving) != 0 {
				t.Errorf("%s: it is the same: %v; New was called %d times; %d are leaving", c.name, now == a, news, len(sh.leaving))
			}
			if err := g.To(1).TrySend(8); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if want := map[bool]int{false: 1, true: 2}[c.message]; c.want == tend.StateRunning && handled != want {
				t.Errorf("%s: %d messages are handled", c.name, handled)
			}
		})
	}
}

// TestAMemberThatSleepsWhenItsGroupStops loses what its successor has got, and is gone when it is served again.
func TestAMemberThatSleepsWhenItsGroupStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled, lost := 0, 0
		g := NewGroup("g", GroupSpec[int, int]{New: func(context.Context, *Actor[int], int) (Handler[int], error) {
			return Func[int](func(context.Context, int) error { handled++; return nil }), nil
		}, Actor: Spec[int]{Lost: func(int, error) { lost++ }}})
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(g)
		done := s.ServeBackground(t.Context())
		if err := g.Put(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		a, _ := g.Get(1)
		m, sh := g.shard(1).members[1], g.shard(1)
		sh.mu.Lock()
		a.mu.Lock()
		out := sh.fallAsleep(m)
		a.mu.Unlock()
		sh.mu.Unlock()
		if err := g.To(1).TrySend(7); err != nil {
			t.Error(err)
		}
		go s.Stop()
		synctest.Wait()
		out.link.Slept(out.run, out.made)
		<-done
		s.ServeBackground(t.Context())
		defer s.Stop()
		synctest.Wait()
		if handled != 0 || lost != 1 || g.Len() != 0 || len(sh.leaving) != 0 {
			t.Errorf("%d handled, %d lost, %d members, %d leaving", handled, lost, g.Len(), len(sh.leaving))
		}
		if err := g.To(1).TrySend(8); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if handled != 1 {
			t.Error("its successor handles nothing")
		}
	})
}

// TestAMemberThatIsRemovedWhileItIsAdded leaves as soon as it is there.
func TestAMemberThatIsRemovedWhileItIsAdded(t *testing.T) {
	for _, remove := range []func(g *Group[int, int]){
		func(g *Group[int, int]) { g.Remove(1) },
		func(g *Group[int, int]) { g.Reconcile(func(func(int) bool) {}) },
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGroup()
			served(t, g)
			synctest.Wait()
			m, _ := g.makeMissing(1, nil, 0)
			remove(g)
			if err := g.To(1).TrySend(7); err != nil { // to its successor
				t.Error(err)
			}
			synctest.Wait()
			if n := len(g.Supervisor().Status().Services); n != 0 {
				t.Errorf("%d are there already", n)
			}
			g.join(true, m)
			synctest.Wait()
			if n := len(g.Supervisor().Status().Services); n != 1 || g.Len() != 1 || len(g.shard(1).leaving) != 0 {
				t.Errorf("%d members, %d counted", n, g.Len())
			}
		})
	}
}

// TestOneAddsAMember: who made it, or who was told that its predecessor has left, but not both.
func TestOneAddsAMember(t *testing.T) {
	g := newGroup()
	m, err := g.makeMissing(1, nil, 0)
	if err != nil || !m.claim() || m.claim() {
		t.Error("it is added by none, or by both", err)
	}
}

// TestMembersAreCountedOnce: a key that others are making takes no place, and one that cannot
// be made none for good.
func TestMembersAreCountedOnce(t *testing.T) {
	g := newGroup()
	first, err := g.makeMissing(1, nil, 1)
	if first == nil || err != nil {
		t.Fatal(err)
	}
	if again, err := g.makeMissing(1, nil, 1); again != nil || err != nil {
		t.Errorf("it is made again, or refused: %v", err)
	}
	if other, err := g.makeMissing(2, nil, 1); other != nil || !errors.Is(err, tend.ErrTooManyServices) {
		t.Errorf("there is one more: %v", err)
	}
	if n := g.Len(); n != 1 {
		t.Errorf("%d are counted", n)
	}
	numbers := NewGroup("g", GroupSpec[float64, int]{New: func(context.Context, *Actor[int], float64) (Handler[int], error) { return nil, nil }})
	func() {
		defer func() { _ = recover() }()
		_, _ = numbers.member(math.NaN(), false, nil)
		t.Error("a NaN is a key")
	}()
	if n := numbers.Len(); n != 0 {
		t.Errorf("%d are counted of those that cannot be", n)
	}
}

// newGroup is one whose members do nothing.
func newGroup() *Group[int, int] {
	return NewGroup("g", GroupSpec[int, int]{New: func(context.Context, *Actor[int], int) (Handler[int], error) {
		return Func[int](func(context.Context, int) error { return nil }), nil
	}})
}

// TestOneThatIsToLeaveIsNotPutToSleep, when it was removed during its Stop: its successor
// would be forgotten.
func TestOneThatIsToLeaveIsNotPutToSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup()
		served(t, g)
		if err := g.Put(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		sh := g.shard(1)
		sh.mu.Lock()
		m := sh.members[1]
		sh.depart(m)
		sh.mu.Unlock()
		if err := g.To(1).TrySend(7); err != nil {
			t.Error(err)
		}
		if g.sleep(m.actor()) {
			t.Error("it was")
		}
		g.remove(m, removeIt)
		synctest.Wait()
		if _, is := g.Get(1); !is || g.Len() != 1 {
			t.Errorf("%d members", g.Len())
		}
	})
}

// TestAMemberOfAPoolIsFreeOnce, though it has turns of its own while it is.
func TestAMemberOfAPoolIsFreeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool("p", 3, &Spec[int]{New: func(_ context.Context, self *Actor[int]) (Handler[int], error) {
			self.Every(time.Second, 0)
			return Func[int](func(context.Context, int) error { return nil }), nil
		}})
		served(t, p)
		time.Sleep(time.Minute + time.Millisecond)
		synctest.Wait()
		if len(p.free) != 3 {
			t.Errorf("of 3 members %d are free", len(p.free))
		}
	})
}

// TestTrap30AFaultOfTheLibraryIsNotSwallowed: what panics in a turn and is no code of others
// ends the program.
func TestTrap30AFaultOfTheLibraryIsNotSwallowed(t *testing.T) {
	a := New("a", &Spec[int]{New: func(context.Context, *Actor[int]) (Handler[int], error) { return nil, nil }})
	a.link = &lonely{}
	a.set(launched, true)
	a.box = &box[int]{out: make([]int, 1), next: -1} // which cannot be
	defer func() {
		if recover() == nil {
			t.Error("the panic was swallowed")
		}
	}()
	(*turns[int])(a).Turn(0)
}

// served serves a tree with svc alone until the test ends.
func served(t *testing.T, svc tend.Service) {
	t.Helper()
	s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	s.Add(svc)
	tendtest.New(t, s).Serve()
}
