package actor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// book is what the members of a group have done, in order, one line each.
type book struct {
	began time.Time

	mu    sync.Mutex
	lines []string
}

func (b *book) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, fmt.Sprintf("%v "+format, append([]any{time.Since(b.began)}, args...)...))
}

// expect fails the test unless these lines are those since the last call.
func (b *book) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := cmp.Diff(want, b.lines); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	b.lines = nil
}

// clerk is a member that notes what it does. Stop takes a second.
type clerk struct {
	b   *book
	key int
	do  func(ctx context.Context, self *actor.Actor[string], m string) error

	self *actor.Actor[string]
}

func (c *clerk) Handle(ctx context.Context, m string) error {
	c.b.note("%d handles %s", c.key, m)
	if c.do != nil {
		return c.do(ctx, c.self, m)
	}
	return nil
}

// slow is a clerk that takes a second to stop.
type slow struct{ *clerk }

func (c slow) Stop(_ context.Context, cause error) error {
	c.b.note("%d stops: %v", c.key, cause)
	time.Sleep(time.Second)
	c.b.note("%d has stopped", c.key)
	return nil
}

// clerks is a group of them.
func clerks(spec actor.GroupSpec[int, string], do func(ctx context.Context, self *actor.Actor[string], m string) error) (*actor.Group[int, string], *book) {
	b := &book{began: time.Now()}
	if spec.New == nil {
		spec.New = func(_ context.Context, self *actor.Actor[string], key int) (actor.Handler[string], error) {
			b.note("new %d", key)
			return &clerk{b, key, do, self}, nil
		}
	}
	spec.Actor.Lost = func(m string, why error) { b.note("lost %s: %v", m, why) }
	return actor.NewGroup("g", spec), b
}

// slowly makes clerks that take a second to stop.
func slowly(b **book) func(context.Context, *actor.Actor[string], int) (actor.Handler[string], error) {
	return func(_ context.Context, self *actor.Actor[string], key int) (actor.Handler[string], error) {
		(*b).note("new %d", key)
		return slow{&clerk{*b, key, nil, self}}, nil
	}
}

func tell(t *testing.T, a actor.Address[string], m string) {
	t.Helper()
	if err := a.TrySend(m); err != nil {
		t.Errorf("%s: %v", m, err)
	}
}

// TestAMessageMakesItsMember, once; messages sent before the group is served wait.
func TestAMessageMakesItsMember(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, b := clerks(actor.GroupSpec[int, string]{}, nil)
		tell(t, g.To(1), "a")
		tell(t, g.To(1), "b")
		b.expect(t)
		s, tape := serve(t, tend.Spec{}, g)
		b.expect(t, "0s new 1", "0s 1 handles a", "0s 1 handles b")
		if err := g.To(2).Send(t.Context(), "c"); err != nil {
			t.Error(err)
		}
		b.expect(t, "0s new 2", "0s 2 handles c")
		if a, is := g.Get(2); !is || a.String() != "2" {
			t.Errorf("Get: %v, %v", a, is)
		}
		if a, is := g.Get(3); is || a != nil {
			t.Errorf("Get of nobody: %v, %v", a, is)
		}
		if keys := slices.Sorted(maps.Keys(maps.Collect(g.All()))); !slices.Equal(keys, []int{1, 2}) || g.Len() != 2 {
			t.Errorf("members %v, %d", keys, g.Len())
		}
		for range g.All() {
			break // is heard
		}
		status := s.Status().Services[0].Supervisor
		if names := []string{status.Services[0].Path, status.Services[1].Path}; !slices.Equal(names, []string{"root/g/1", "root/g/2"}) || status.Idle != 0 {
			t.Errorf("paths %v, %d idle", names, status.Idle)
		}
		if got := fmt.Sprint(g.To(1), g); got != "g/1 g" {
			t.Errorf("addresses are called %s", got)
		}
		if !g.Remove(1) || g.Remove(1) || g.Remove(3) {
			t.Error("Remove does not say whether there is one")
		}
		synctest.Wait()
		if g.Len() != 1 {
			t.Errorf("%d are left", g.Len())
		}
		tape.Want( // of members only what goes wrong
			"0s root supervisor started services=1",
			"0s root/g service started",
			"0s root/g supervisor started services=1",
			"0s root/g service ready",
		)
	})
}

// TestFailuresOfMembersAreTold, and each waits for a delay of its own.
func TestFailuresOfMembersAreTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, b := clerks(actor.GroupSpec[int, string]{Actor: actor.Spec[string]{Child: tend.Child{Backoff: tend.Backoff{Min: time.Second, Max: time.Second}}}},
			func(_ context.Context, _ *actor.Actor[string], m string) error {
				if m == "bad" {
					return errors.New(m)
				}
				return nil
			})
		_, tape := serve(t, tend.Spec{}, g)
		tell(t, g.To(1), "bad")
		tell(t, g.To(1), "good")
		tell(t, g.To(2), "good")
		synctest.Wait()
		b.mu.Lock()
		slices.Sort(b.lines)
		b.mu.Unlock()
		b.expect(t, "0s 1 handles bad", "0s 2 handles good", "0s lost bad: bad", "0s new 1", "0s new 2")
		time.Sleep(time.Second)
		b.expect(t, "1s new 1", "1s 1 handles good")
		lines := tape.Lines(tend.ServiceFailed{}.Kind(), tend.MessagesLost{}.Kind(), tend.ServiceStarted{}.Kind())
		if d := cmp.Diff([]string{
			"0s root/g service started",
			"0s root/g/1 messages lost n=1 message=string cause=bad",
			"0s root/g/1 service failed err=bad count=1 restarting delay=1s",
		}, lines); d != "" {
			t.Error(d)
		}
	})
}

// TestTrap23OneSickKeyPausesNoOther: without settings members have delays of their own.
func TestTrap23OneSickKeyPausesNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, b := clerks(actor.GroupSpec[int, string]{}, func(_ context.Context, _ *actor.Actor[string], m string) error {
			if m == "bad" {
				panic(m)
			}
			return nil
		})
		s, _ := serve(t, tend.Spec{}, g)
		for range 50 {
			tell(t, g.To(1), "bad")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		b.mu.Lock()
		b.lines = nil
		b.mu.Unlock()
		tell(t, g.To(2), "good")
		b.expect(t, "1m0s new 2", "1m0s 2 handles good")
		status := s.Status().Services[0].Supervisor
		if c := status.Services[0]; c.State != tend.StateBackoff || c.Failed < 3 || !status.PausedUntil.IsZero() {
			t.Errorf("the sick one is %v after %d failures, the group pauses until %v", c.State, c.Failed, status.PausedUntil)
		}
	})
}

// TestNewDecidesWhetherAKeyMayBe: one that it refuses leaves, and the next message asks it
// again.
func TestNewDecidesWhetherAKeyMayBe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		unknown := fmt.Errorf("who is that? %w", tend.ErrDoNotRestart)
		var isKnown atomic.Bool
		var calls atomic.Int64 // at least one for each: the message may come when New has refused, and goes to a successor
		g := actor.NewGroup("g", actor.GroupSpec[int, question]{New: func(context.Context, *actor.Actor[question], int) (actor.Handler[question], error) {
			if calls.Add(1); !isKnown.Load() {
				return nil, unknown
			}
			return actor.Func[question](func(_ context.Context, q question) error { q.reply.Send(q.n); return nil }), nil
		}})
		serve(t, tend.Spec{}, g)
		for range 2 {
			before := calls.Load()
			_, err := actor.Ask(t.Context(), g.To(1), func(r actor.Reply[int]) question { return question{reply: r} })
			if calls.Load() == before {
				t.Error("New was not asked")
			}
			if !errors.Is(err, actor.ErrGone) || !errors.Is(err, unknown) {
				t.Errorf("Ask: %v", err)
			}
			synctest.Wait()
			if g.Len() != 0 {
				t.Errorf("%d members", g.Len())
			}
		}
		isKnown.Store(true)
		n, err := actor.Ask(t.Context(), g.To(1), func(r actor.Reply[int]) question { return question{n: 7, reply: r} })
		if n != 7 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
}

// TestAMemberThatLeavesAfterAnotherStop has a successor for what comes then.
func TestAMemberThatLeavesAfterAnotherStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, b := clerks(actor.GroupSpec[int, string]{}, func(context.Context, *actor.Actor[string], string) error {
			time.Sleep(time.Second)
			return nil
		})
		serve(t, tend.Spec{}, g)
		tell(t, g.To(1), "a")
		synctest.Wait()
		token := g.Supervisor().Status().Services[0].Token
		if err := errors.Join(g.Supervisor().Restart(token, nil), g.Supervisor().Remove(token)); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		tell(t, g.To(1), "b")
		time.Sleep(3 * time.Second)
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, line := range b.lines {
			if strings.Contains(line, "lost") {
				t.Error(line)
			}
		}
		if g.Len() != 1 {
			t.Errorf("there are %d", g.Len())
		}
	})
}

// TestPut waits for New, and returns what it returns first.
func TestPut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var g *actor.Group[int, string]
		var mu sync.Mutex
		begun := map[int]int{}
		g, _ = clerks(actor.GroupSpec[int, string]{New: func(ctx context.Context, _ *actor.Actor[string], key int) (actor.Handler[string], error) {
			mu.Lock()
			begun[key]++
			n := begun[key]
			mu.Unlock()
			switch {
			case key == 1:
				time.Sleep(time.Second)
			case key == 2 && n == 1:
				return nil, errors.New("no database")
			case key == 3:
				return nil, tend.ErrDoNotRestart
			case key == 4:
				return nil, g.Put(ctx, 4)
			case key == 5 && n == 1:
				panic("no database")
			case key == 6:
				return nil, nil
			case key == 7:
				<-ctx.Done()
				return nil, context.Cause(ctx)
			}
			return actor.Func[string](func(context.Context, string) error { return nil }), nil
		}, Actor: actor.Spec[string]{Child: tend.Child{Backoff: tend.Backoff{Min: time.Second, Max: time.Second}}}}, nil)
		s, _ := serve(t, tend.Spec{}, g)
		began := time.Now()
		if err := g.Put(t.Context(), 1); err != nil || time.Since(began) != time.Second {
			t.Errorf("Put: %v after %v", err, time.Since(began))
		}
		if err := g.Put(t.Context(), 1); err != nil || time.Since(began) != time.Second {
			t.Errorf("Put of what is there: %v after %v", err, time.Since(began))
		}
		for key, want := range map[int]string{2: "no database", 3: tend.ErrDoNotRestart.Error(), 4: actor.ErrDeadlock.Error(), 5: "panic: no database", 6: "tend/actor: Spec.New of 6 has returned no Handler"} {
			if err := g.Put(t.Context(), key); err == nil || err.Error() != want {
				t.Errorf("Put %d: %v", key, err)
			}
		}
		if err := g.Put(t.Context(), 2); err != nil || time.Since(began) != 2*time.Second {
			t.Errorf("Put of one in backoff: %v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("enough"))
		defer cancel()
		if err := g.Put(ctx, 7); err == nil || err.Error() != "enough" {
			t.Errorf("Put that takes long: %v", err)
		}
		go func() { time.Sleep(time.Second); s.Stop() }()
		if err := g.Put(t.Context(), 7); !errors.Is(err, actor.ErrGone) {
			t.Errorf("Put when it stops: %v", err)
		}
		if err := g.Put(t.Context(), 8); !errors.Is(err, actor.ErrGone) {
			t.Errorf("Put when it has stopped: %v", err)
		}
	})
}

// TestHandlersThatPutThemselves wait for nothing, as they are up.
func TestHandlersThatPutThemselves(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var g *actor.Group[int, string]
		var b *book
		g, b = clerks(actor.GroupSpec[int, string]{}, func(ctx context.Context, _ *actor.Actor[string], _ string) error {
			b.note("%v", g.Put(ctx, 1))
			return nil
		})
		serve(t, tend.Spec{}, g)
		tell(t, g.To(1), "a")
		b.expect(t, "0s new 1", "0s 1 handles a", "0s <nil>")
	})
}

// TestMembersThatWaitForEachOther are found, though they are named by key, and one of them
// is not there yet.
func TestMembersThatWaitForEachOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var g *actor.Group[int, question]
		var errs []error
		g = actor.NewGroup("g", actor.GroupSpec[int, question]{New: func(_ context.Context, _ *actor.Actor[question], key int) (actor.Handler[question], error) {
			return actor.Func[question](func(ctx context.Context, q question) error {
				n, err := actor.Ask(ctx, g.To(1-key), func(r actor.Reply[int]) question { return question{n: q.n, reply: r} })
				errs = append(errs, err)
				q.reply.Send(n)
				return nil
			}), nil
		}})
		serve(t, tend.Spec{}, g)
		if _, err := actor.Ask(t.Context(), g.To(0), func(r actor.Reply[int]) question { return question{reply: r} }); err != nil {
			t.Error(err)
		}
		if len(errs) != 2 || !errors.Is(errs[0], actor.ErrDeadlock) || errs[1] != nil {
			t.Errorf("%v", errs)
		}
	})
}

// TestTooManyMembers: sending to one more says so at once, and what Reconcile has too many
// is told.
func TestTooManyMembers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, b := clerks(actor.GroupSpec[int, string]{Supervisor: tend.Spec{MaxServices: 2}}, nil)
		_, tape := serve(t, tend.Spec{}, g)
		tell(t, g.To(1), "a")
		tell(t, g.To(2), "a")
		if err := g.To(3).TrySend("a"); !errors.Is(err, tend.ErrTooManyServices) {
			t.Errorf("TrySend: %v", err)
		}
		if err := g.To(3).Send(t.Context(), "a"); !errors.Is(err, tend.ErrTooManyServices) {
			t.Errorf("Send: %v", err)
		}
		if err := g.Put(t.Context(), 3); !errors.Is(err, tend.ErrTooManyServices) {
			t.Errorf("Put: %v", err)
		}
		if _, err := actor.Ask(t.Context(), g.To(3), func(actor.Reply[int]) string { return "" }); !errors.Is(err, tend.ErrTooManyServices) {
			t.Errorf("Ask: %v", err)
		}
		tell(t, g.To(2), "b")
		synctest.Wait()
		b.mu.Lock()
		b.lines = nil
		b.mu.Unlock()
		g.Reconcile(slices.Values([]int{1, 2, 3, 4, 5}))
		b.expect(t)
		if lines := tape.Lines(tend.ServiceRefused{}.Kind()); len(lines) != 3 || !strings.Contains(lines[0], "limit=2") {
			t.Errorf("told: %q", lines)
		}
		if g.Len() != 2 {
			t.Errorf("%d members", g.Len())
		}
		g.Remove(1)
		synctest.Wait()
		tell(t, g.To(3), "a")
		b.expect(t, "0s new 3", "0s 3 handles a")
	})
}

// TestReconcile adds, removes, and touches no other; also before the group is served, and
// while others reconcile.
func TestReconcile(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, b := clerks(actor.GroupSpec[int, string]{}, nil)
		g.Reconcile(slices.Values([]int{1, 2, 2}))
		serve(t, tend.Spec{}, g)
		sorted := func() {
			synctest.Wait()
			b.mu.Lock()
			slices.Sort(b.lines)
			b.mu.Unlock()
		}
		sorted()
		b.expect(t, "0s new 1", "0s new 2")
		two, _ := g.Get(2)
		g.Reconcile(slices.Values([]int{2, 3, 4}))
		sorted()
		b.expect(t, "0s new 3", "0s new 4")
		if now, _ := g.Get(2); now != two || g.Len() != 3 {
			t.Errorf("%d members, the one that stays is another one: %v", g.Len(), now != two)
		}
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() { g.Reconcile(slices.Values([]int{i, 20})) })
		}
		all.Wait()
		synctest.Wait()
		if g.Len() != 2 {
			t.Errorf("%d members", g.Len())
		}
		g.Reconcile(func(func(int) bool) {})
		synctest.Wait()
		if g.Len() != 0 {
			t.Errorf("%d members are left", g.Len())
		}
	})
}

// TestTrap12AKeyHasOneState: messages wait until the Stop of the old one has returned,
// whoever removed it.
func TestTrap12AKeyHasOneState(t *testing.T) {
	for _, by := range []string{"the group", "its supervisor", "itself"} {
		bubble(t, func(t *testing.T) {
			var b *book
			var g *actor.Group[int, string]
			g, b = clerks(actor.GroupSpec[int, string]{New: slowly(&b)}, nil)
			serve(t, tend.Spec{}, g)
			tell(t, g.To(1), "a")
			b.expect(t, "0s new 1", "0s 1 handles a")
			why := tend.ErrRemoved
			switch by {
			case "the group":
				g.Remove(1)
			case "its supervisor":
				if err := g.Supervisor().Remove(g.Supervisor().Status().Services[0].Token); err != nil {
					t.Error(err)
				}
			case "itself":
				why = nil
			}
			if why == nil {
				return
			}
			synctest.Wait()
			tell(t, g.To(1), "b")
			b.expect(t, fmt.Sprintf("0s 1 stops: %v", why))
			if g.Len() != 2 {
				t.Errorf("%d members", g.Len())
			}
			time.Sleep(time.Second)
			b.expect(t, "1s 1 has stopped", "1s new 1", "1s 1 handles b")
			if g.Len() != 1 {
				t.Errorf("%d members are left", g.Len())
			}
		})
	}
}

// TestASuccessorThatIsRemoved before it could come loses what it had got, and the one after
// it waits in its place.
func TestASuccessorThatIsRemoved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var b *book
		var g *actor.Group[int, string]
		g, b = clerks(actor.GroupSpec[int, string]{New: slowly(&b)}, nil)
		_, tape := serve(t, tend.Spec{}, g)
		tell(t, g.To(1), "a")
		synctest.Wait()
		g.Remove(1)
		synctest.Wait()
		tell(t, g.To(1), "b")
		second, _ := g.Get(1)
		g.Remove(1)
		b.expect(t, "0s new 1", "0s 1 handles a", "0s 1 stops: "+tend.ErrRemoved.Error(), "0s lost b: tend/actor: 1 is gone: "+tend.ErrRemoved.Error())
		if err := second.TrySend("x"); !errors.Is(err, actor.ErrGone) {
			t.Errorf("one that never came takes a message: %v", err)
		}
		tell(t, g.To(1), "c")
		g.Reconcile(func(func(int) bool) {})
		tell(t, g.To(1), "d")
		synctest.Wait()
		b.expect(t, "0s lost c: tend/actor: 1 is gone: "+tend.ErrRemoved.Error())
		time.Sleep(time.Second)
		b.expect(t, "1s 1 has stopped", "1s new 1", "1s 1 handles d")
		if g.Len() != 1 {
			t.Errorf("%d members", g.Len())
		}
		if lines := tape.Lines(tend.MessagesLost{}.Kind()); len(lines) != 2 {
			t.Errorf("told: %q", lines)
		}
	})
}

// TestAGroupThatHasStopped takes no message for anybody, and when it is served again it
// has its members.
func TestAGroupThatHasStopped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, b := clerks(actor.GroupSpec[int, string]{}, nil)
		s, _ := serve(t, tend.Spec{}, g)
		tell(t, g.To(1), "a")
		synctest.Wait()
		s.Stop()
		for key := range 3 {
			if err := g.To(key).TrySend("x"); !errors.Is(err, actor.ErrGone) || !errors.Is(err, tend.ErrStopped) {
				t.Errorf("TrySend to %d: %v", key, err)
			}
		}
		s.ServeBackground(t.Context())
		synctest.Wait()
		tell(t, g.To(1), "b")
		tell(t, g.To(2), "b")
		synctest.Wait()
		b.mu.Lock()
		slices.Sort(b.lines)
		b.mu.Unlock()
		b.expect(t, "0s 1 handles a", "0s 1 handles b", "0s 2 handles b", "0s new 1", "0s new 1", "0s new 2")
	})
}

// A dawdler is a key that takes so long to say its name, once.
type dawdler struct{ takes time.Duration }

func (d *dawdler) String() string {
	takes := d.takes
	d.takes = 0
	time.Sleep(takes)
	return "d"
}

// TestAskingAsAGroupEnds: who is about to make a member when the group ends hears that it is
// over, though another hangs that has not left the key.
func TestAskingAsAGroupEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := actor.NewGroup("g", actor.GroupSpec[*dawdler, func()]{
			New: func(context.Context, *actor.Actor[func()], *dawdler) (actor.Handler[func()], error) {
				return actor.Func[func()](func(_ context.Context, do func()) error { do(); return nil }), nil
			},
			Actor: actor.Spec[func()]{Child: tend.Child{Timeout: time.Second}},
		})
		s, _ := serve(t, tend.Spec{}, g)
		key, release := &dawdler{}, make(chan struct{})
		if err := g.To(key).TrySend(func() { <-release }); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		g.Remove(key)
		const long = 10 * time.Second
		key.takes = long
		began, asked := time.Now(), make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			_, err := actor.Ask(ctx, g.To(key), func(r actor.Reply[int]) func() { return func() { r.Send(1) } })
			asked <- err
		}()
		synctest.Wait()
		s.Stop()
		if took := time.Since(began); took >= long {
			t.Errorf("the group ends after %v", took)
		}
		if err := <-asked; !errors.Is(err, actor.ErrGone) || !errors.Is(err, tend.ErrStopped) || time.Since(began) != long {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		close(release)
	})
}

// TestLossesOfMembersAreToldTogether: the first at once, those within a second as one.
func TestLossesOfMembersAreToldTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		g := actor.NewGroup("g", actor.GroupSpec[int, string]{New: func(context.Context, *actor.Actor[string], int) (actor.Handler[string], error) {
			return actor.Func[string](func(context.Context, string) error { <-gate; return tend.ErrDoNotRestart }), nil
		}})
		_, tape := serve(t, tend.Spec{}, g)
		lose := func(key int) { // the second
			tell(t, g.To(key), "handled")
			tell(t, g.To(key), "lost")
		}
		lose(200)
		gate <- struct{}{}
		synctest.Wait()
		for key := range 100 {
			lose(key)
		}
		close(gate)
		time.Sleep(2 * time.Second)
		lines := tape.Lines(tend.MessagesLost{}.Kind())
		if len(lines) != 2 || !strings.HasPrefix(lines[0], "0s root/g/200 messages lost n=1") || !strings.HasPrefix(lines[1], "1s root/g messages lost n=100") {
			t.Errorf("told: %q", lines)
		}
	})
}

// TestAStatusListsAThousandMembers, those in trouble first, and counts the others.
func TestAStatusListsAThousandMembers(t *testing.T) {
	for _, c := range []struct{ members, sick, listed, troubled int }{
		{10, 3, 10, 3}, {1000, 10, 1000, 10}, {1500, 5, 999, 5}, {1500, 1200, 1000, 1000},
	} {
		bubble(t, func(t *testing.T) {
			g, _ := clerks(actor.GroupSpec[int, string]{}, func(_ context.Context, _ *actor.Actor[string], m string) error {
				if m == "bad" {
					return errors.New(m)
				}
				return nil
			})
			beside := actor.New("a", &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) { return nil, errBoom }})
			g.Supervisor().Add(tend.Child{Service: beside, Backoff: tend.Backoff{Min: time.Hour}})
			serve(t, tend.Spec{}, g)
			for key := range c.members {
				m := "good"
				if key >= c.members-c.sick {
					m = "bad"
				}
				tell(t, g.To(key), m)
			}
			synctest.Wait()
			status := g.Supervisor().Status()
			troubled := 0
			for _, s := range status.Services[1:] {
				if s.InTrouble() {
					troubled++
				}
			}
			if len(status.Services) != c.listed+1 || status.Idle != c.members-c.listed || troubled != c.troubled {
				t.Errorf("of %d with %d sick %d are listed, %d of them sick, and %d counted", c.members, c.sick, len(status.Services)-1, troubled, status.Idle)
			}
			if status.Services[0].Name != "a" {
				t.Errorf("the service beside them is missing; %s is first", status.Services[0].Name)
			}
		})
	}
}

// TestAWatchOfAKeyStaysWithIt: it waits for a member, and goes on to the next.
func TestAWatchOfAKeyStaysWithIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, _ := clerks(actor.GroupSpec[int, string]{Idle: time.Second, Actor: actor.Spec[string]{Child: tend.Child{Backoff: tend.Backoff{Min: time.Hour, Max: time.Hour}}}},
			func(_ context.Context, _ *actor.Actor[string], m string) error { return errors.New(m) })
		d := &book{began: time.Now()}
		var stop func()
		watcher := actor.New("watcher", &actor.Spec[actor.Down]{New: func(_ context.Context, self *actor.Actor[actor.Down]) (actor.Handler[actor.Down], error) {
			stop = actor.Watch(self, g.To(1), func(d actor.Down) actor.Down { return d })
			return actor.Func[actor.Down](func(_ context.Context, m actor.Down) error {
				d.note("%s %d %v %v", m.Name, m.Run, m.Err, m.Again)
				return nil
			}), nil
		}})
		s, _ := serve(t, tend.Spec{}, g, watcher)
		synctest.Wait()
		tell(t, g.To(1), "boom")
		d.expect(t, "0s 1 1 boom true")
		g.Remove(1)
		d.expect(t, "0s 1 1 <nil> false")
		tell(t, g.To(1), "bang")
		d.expect(t, "0s 1 1 bang true")
		time.Sleep(3 * time.Hour) // it is watched, and so not put to sleep when it runs again
		if _, is := g.Get(1); !is {
			t.Error("one that is watched was put to sleep")
		}
		stop()
		g.Remove(1)
		tell(t, g.To(1), "bang")
		d.expect(t)
		if err := s.Restart(s.Status().Services[1].Token, nil); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		tell(t, g.To(2), "x") // another key
		d.expect(t)
	})
}

// watcherOf watches what key is when it begins, and notes what it is told.
func watcherOf(g *actor.Group[int, string], key *int, d *book) *actor.Actor[actor.Down] {
	return actor.New("watcher", &actor.Spec[actor.Down]{New: func(_ context.Context, self *actor.Actor[actor.Down]) (actor.Handler[actor.Down], error) {
		actor.Watch(self, g.To(*key), func(d actor.Down) actor.Down { return d })
		return actor.Func[actor.Down](func(_ context.Context, m actor.Down) error {
			d.note("%s %d %v %v", m.Name, m.Run, m.Err, m.Again)
			return nil
		}), nil
	}})
}

// TestWatchingAKeyThatIsDown tells so at once, and goes on when somebody calls its member back.
func TestWatchingAKeyThatIsDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, _ := clerks(actor.GroupSpec[int, string]{Actor: actor.Spec[string]{Child: tend.Child{Limit: tend.Limit{N: 1}}}},
			func(_ context.Context, _ *actor.Actor[string], m string) error { return errors.New(m) })
		d, key := &book{began: time.Now()}, 1
		watcher := watcherOf(g, &key, d)
		s, _ := serve(t, tend.Spec{}, g)
		synctest.Wait()
		tell(t, g.To(1), "boom") // it gives up
		synctest.Wait()
		s.Add(watcher)
		d.expect(t, "0s 1 1 <nil> false")
		member := s.Status().Services[0].Supervisor.Services[0]
		if err := s.Restart(member.Token, nil); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		d.expect(t)
		tell(t, g.To(1), "bang")
		d.expect(t, "0s 1 2 bang false")
		if err := s.Suspend(s.Status().Services[0].Token); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		d.expect(t)
		for _, want := range []string{"0s 1 2 <nil> false", "0s 2 0 <nil> false"} { // the group does not run
			if err := s.Restart(s.Status().Services[1].Token, nil); err != nil {
				t.Error(err)
			}
			d.expect(t, want)
			key++
		}
	})
}

// TestWatchingAKeyWhoseMemberLeaves tells of that end, too.
func TestWatchingAKeyWhoseMemberLeaves(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan struct{})
		g, _ := clerks(actor.GroupSpec[int, string]{}, func(context.Context, *actor.Actor[string], string) error { <-step; return nil })
		d, key := &book{began: time.Now()}, 1
		watcher := watcherOf(g, &key, d)
		s, _ := serve(t, tend.Spec{}, g)
		synctest.Wait()
		tell(t, g.To(1), "x")
		synctest.Wait()
		g.Remove(1)
		s.Add(watcher)
		d.expect(t)
		close(step)
		d.expect(t, "0s 1 1 <nil> false")
		tell(t, g.To(1), "y") // the next one, which is not told of what was before it
		g.Remove(1)
		d.expect(t, "0s 1 1 <nil> false")
	})
}

// TestWhatSleptIsNotHeld: a token keeps nothing of the run, which has the context of Serve.
func TestWhatSleptIsNotHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		type key struct{}
		var token tend.ServiceToken
		held := func() weak.Pointer[[1 << 10]byte] {
			ballast := new([1 << 10]byte)
			g, _ := clerks(actor.GroupSpec[int, string]{Idle: time.Second}, func(ctx context.Context, _ *actor.Actor[string], _ string) error {
				tend.Annotate(ctx, slog.Bool("has", ctx.Value(key{}) != nil))
				return nil
			})
			s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
			s.Add(g)
			ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, ballast))
			done := s.ServeBackground(ctx)
			synctest.Wait()
			tell(t, g.To(1), "x")
			synctest.Wait()
			token = s.Status().Services[0].Supervisor.Services[0].Token
			time.Sleep(time.Minute)
			cancel()
			<-done
			return weak.Make(ballast)
		}()
		synctest.Wait()
		for range 3 {
			runtime.GC()
		}
		if held.Value() != nil {
			t.Error("it is held")
		}
		runtime.KeepAlive(token)
	})
}

// TestASuccessorHasThePlaceOfTheOneBefore, of a group that is full.
func TestASuccessorHasThePlaceOfTheOneBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan struct{})
		var handled []string
		g, _ := clerks(actor.GroupSpec[int, string]{Supervisor: tend.Spec{MaxServices: 1}}, func(_ context.Context, _ *actor.Actor[string], m string) error {
			<-step
			handled = append(handled, m)
			return nil
		})
		serve(t, tend.Spec{}, g)
		synctest.Wait()
		tell(t, g.To(1), "first")
		synctest.Wait()
		g.Remove(1)
		synctest.Wait()
		tell(t, g.To(1), "second")
		if err := g.To(2).TrySend("x"); !errors.Is(err, tend.ErrTooManyServices) {
			t.Errorf("another key: %v", err)
		}
		close(step)
		synctest.Wait()
		if d := cmp.Diff([]string{"first", "second"}, handled); d != "" || g.Len() != 1 {
			t.Errorf("%d members; -want +got\n%s", g.Len(), d)
		}
	})
}

// TestAWatcherThatIsGone is forgotten, by the key too.
func TestAWatcherThatIsGone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, _ := clerks(actor.GroupSpec[int, string]{}, func(context.Context, *actor.Actor[string], string) error { return tend.ErrDoNotRestart })
		told := 0
		watcher := actor.New("watcher", &actor.Spec[actor.Down]{New: func(_ context.Context, self *actor.Actor[actor.Down]) (actor.Handler[actor.Down], error) {
			actor.Watch(self, g.To(1), func(d actor.Down) actor.Down { told++; return d })
			return actor.Func[actor.Down](func(context.Context, actor.Down) error { return nil }), nil
		}})
		s, _ := serve(t, tend.Spec{}, g, watcher)
		synctest.Wait()
		if err := s.Remove(s.Status().Services[1].Token); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for range 3 {
			tell(t, g.To(1), "x")
			synctest.Wait()
		}
		if told != 0 || actor.WatchersOf(g, 1) != 0 {
			t.Errorf("%d told, %d watch", told, actor.WatchersOf(g, 1))
		}
	})
}

// TestTrap27MembersThatComeAndGo leave nothing.
func TestTrap27MembersThatComeAndGo(t *testing.T) {
	const n, rounds = 2_000, 28 // few at a time: a map may grow for other reasons than what is kept, once, and by as much as there are
	bubble(t, func(t *testing.T) {
		g := actor.NewGroup("g", actor.GroupSpec[int, string]{New: func(context.Context, *actor.Actor[string], int) (actor.Handler[string], error) {
			return actor.Func[string](func(_ context.Context, msg string) error {
				if msg == "leave" {
					return tend.ErrDoNotRestart
				}
				return nil
			}), nil
		}})
		serve(t, tend.Spec{}, g)
		// A map keeps the room for as many as it once had: each round has all of them at once,
		// lest one has more than the rounds before, as it pleases those that come and go.
		round := func(first int) int64 {
			everyone := func(msg string) {
				for key := range n {
					tell(t, g.To(first+key), msg)
				}
				synctest.Wait()
			}
			everyone("come")
			if g.Len() != n {
				t.Fatalf("%d members have come", g.Len())
			}
			everyone("leave")
			if g.Len() != 0 || len(g.Supervisor().Status().Services) != 0 {
				t.Fatalf("%d members are left", g.Len())
			}
			runtime.GC()
			runtime.GC() // what is there to be used again is let go of by the second
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc) //nolint:gosec // far from overflowing
		}
		var before, after int64
		for i := range rounds {
			after = round(i * n) // no key comes twice: what is kept for one would be kept once
			// The first rounds do not count: queues keep the room for what has waited in them.
			if i < 3 {
				before = max(before, after)
			}
		}
		if kept := (after - before) / int64(n*(rounds-3)); kept >= 16 {
			t.Errorf("%d bytes are kept for each that has left", kept)
		}
	})
}

// TestMisuseOfGroups panics at the call that is wrong.
func TestMisuseOfGroups(t *testing.T) {
	newer := func(context.Context, *actor.Actor[string], float64) (actor.Handler[string], error) {
		return actor.Func[string](func(context.Context, string) error { return nil }), nil
	}
	g := actor.NewGroup("g", actor.GroupSpec[float64, string]{New: newer})
	for _, c := range []struct {
		want string
		f    func()
	}{
		{`tend/actor: NewGroup "x": GroupSpec.New is nil`, func() { actor.NewGroup("x", actor.GroupSpec[float64, string]{}) }},
		{`tend/actor: NewGroup "x": GroupSpec.Actor.New is set; GroupSpec.New makes the states`, func() {
			actor.NewGroup("x", actor.GroupSpec[float64, string]{New: newer, Actor: actor.Spec[string]{New: func(context.Context, *actor.Actor[string]) (actor.Handler[string], error) { return nil, nil }}})
		}},
		{`tend/actor: NewGroup "x": GroupSpec.Idle is -1s`, func() { actor.NewGroup("x", actor.GroupSpec[float64, string]{New: newer, Idle: -time.Second}) }},
		{`tend/actor: New "x": Spec.Mailbox is -1`, func() {
			actor.NewGroup("x", actor.GroupSpec[float64, string]{New: newer, Actor: actor.Spec[string]{Mailbox: -1}})
		}},
		{`tend: supervisor "x": Spec.MaxServices is negative: -1`, func() {
			actor.NewGroup("x", actor.GroupSpec[float64, string]{New: newer, Supervisor: tend.Spec{MaxServices: -1}})
		}},
		{`tend/actor: Send to g/1 with a nil context`, func() { _ = g.To(1).Send(nil, "") }}, //nolint:staticcheck // the misuse
		{`tend/actor: Put in "g" with a nil context`, func() { _ = g.Put(nil, 1) }},          //nolint:staticcheck // the misuse
		{`tend/actor: g: a key that does not equal itself`, func() { _ = g.To(math.NaN()).TrySend("") }},
	} {
		if got := panicOf(c.f); got != c.want {
			t.Errorf("%v\nwant %s", got, c.want)
		}
	}
}

// naughty is a key whose String is user code.
type naughty struct{ does string }

func (n naughty) String() string {
	switch n.does {
	case "panic":
		panic("no name")
	case "line":
		return "a\nb"
	case "long":
		return strings.Repeat("x", 1000)
	}
	return ""
}

// TestNamesOfKeysAreUserCode: they are taken once, cleaned, and do no harm.
func TestNamesOfKeysAreUserCode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := actor.NewGroup("g", actor.GroupSpec[naughty, string]{New: func(context.Context, *actor.Actor[string], naughty) (actor.Handler[string], error) {
			return actor.Func[string](func(context.Context, string) error { return nil }), nil
		}})
		serve(t, tend.Spec{}, g)
		for _, does := range []string{"panic", "line", "long", ""} {
			tell(t, g.To(naughty{does}), "x")
		}
		synctest.Wait()
		var names []string
		for _, c := range g.Supervisor().Status().Services {
			names = append(names, c.Name)
		}
		if len(names) != 4 || names[0] != "actor_test.naughty" || names[3] != "actor_test.naughty" || strings.Contains(names[1], "\n") || len(names[2]) > 260 {
			t.Errorf("%q", names)
		}
	})
}

// TestAMemberElsewhere does not run: it belongs to its group.
func TestAMemberElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, _ := clerks(actor.GroupSpec[int, string]{}, nil)
		s, _ := serve(t, tend.Spec{}, g)
		tell(t, g.To(1), "x")
		synctest.Wait()
		a, _ := g.Get(1)
		if panicOf(func() { s.Add(a) }) == nil {
			t.Error("one that is in its group was added elsewhere")
		}
		g.Remove(1)
		synctest.Wait()
		_, err := s.Start(t.Context(), tend.Child{Service: a, Restart: tend.Temporary, ReadyTimeout: time.Second})
		if err == nil || !strings.Contains(err.Error(), "member of a group") {
			t.Errorf("one that has left its group runs elsewhere: %v", err)
		}
	})
}

// panicOf is what f panics with.
func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}
