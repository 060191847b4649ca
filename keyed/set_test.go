package keyed_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/keyed"
	"github.com/tend-go/tend/tendtest"
)

// serve serves a set until the test ends.
func serve[K comparable](t *testing.T, s *keyed.Set[K]) {
	t.Helper()
	done := s.Supervisor().ServeBackground(t.Context())
	t.Cleanup(func() {
		s.Supervisor().Stop()
		<-done
		time.Sleep(24 * time.Hour) // whatever hangs, for less
	})
	synctest.Wait()
}

func quiet() keyed.Spec {
	return keyed.Spec{Supervisor: tend.Spec{EventHook: func(tend.Event) {}}}
}

// states prints the services as the status lists them.
func states[K comparable](s *keyed.Set[K]) string {
	synctest.Wait()
	var list []string
	for _, c := range s.Supervisor().Status().Services {
		list = append(list, c.Name+" "+c.State.String())
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func wantStates[K comparable](t *testing.T, s *keyed.Set[K], want string) {
	t.Helper()
	if got := states(s); got != want {
		t.Errorf("states are %q, want %q", got, want)
	}
}

func wantError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error is %v, want %v", got, want)
	}
}

func after(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}

// TestPutTakesThePlace: a service for a key that is there waits for the old one, and has its
// token; the settings are its own, then the set's.
func TestPutTakesThePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := quiet()
		spec.Child = tend.Child{Restart: tend.Transient, Timeout: time.Minute}
		s := keyed.New[string]("set", spec)
		serve(t, s)
		wantError(t, s.Put("a", tendtest.Slow("x", 3*time.Second)), nil)
		first, _ := s.Token("a")
		synctest.Wait()
		second := tend.Child{Name: "y", Service: tendtest.Idle("y"), Timeout: time.Hour}
		wantError(t, s.Put("a", second), nil)
		if got, is := s.Get("a"); !is || fmt.Sprint(got.(tend.Child).Name) != "y" || s.Len() != 1 {
			t.Errorf("there is %v, %v, of %d", got, is, s.Len())
		}
		wantStates(t, s, "a stopping")
		if took := after(func() { wantError(t, s.Supervisor().WaitState(t.Context(), first, tend.StateRunning), nil) }); took != 3*time.Second {
			t.Errorf("the new one came after %v", took)
		}
		status, err := s.Supervisor().ServiceStatus(first)
		if token, _ := s.Token("a"); err != nil || token != first || status.Incarnation != 2 || status.Restart != tend.Transient {
			t.Errorf("%v, %v, %+v", token, err, status)
		}
	})
}

// TestPutAfterRemoveWaits: it is another service, with another token, and comes when the old
// one has left; also if that hangs, and over a stop of the tree.
func TestPutAfterRemoveWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := quiet()
		spec.Child.Timeout = time.Second
		s := keyed.New[string]("set", spec)
		done := s.Supervisor().ServeBackground(t.Context())
		wantError(t, s.Put("a", tendtest.Slow("x", time.Minute)), nil)
		first, _ := s.Token("a")
		synctest.Wait()
		if !s.Remove("a") || s.Remove("a") || s.Len() != 0 {
			t.Error("it was not removed once")
		}
		for range 3 { // each in vain but the last
			s.Remove("a")
			wantError(t, s.Put("a", tendtest.Idle("y")), nil)
		}
		second, _ := s.Token("a")
		if second == first || s.Len() != 1 {
			t.Errorf("the token is %v, as before; %d keys", second, s.Len())
		}
		wantStates(t, s, "a pending, a pending, a pending, a stopping")
		status, _ := s.Supervisor().ServiceStatus(second)
		if status.WaitingFor.Text != "its last run to end" || status.HeldBy != "set/a" {
			t.Errorf("it waits for %v, held by %q", status.WaitingFor, status.HeldBy)
		}
		time.Sleep(10 * time.Second)
		s.Supervisor().Stop()
		<-done
		serve(t, s)
		wantStates(t, s, "a pending, a pending, a pending, a stuck")
		if took := after(func() { wantError(t, s.Supervisor().WaitState(t.Context(), second, tend.StateRunning), nil) }); took != 50*time.Second {
			t.Errorf("it came after %v", took)
		}
		wantStates(t, s, "a running")
	})
}

// TestRemoveAndWaitWaitsForAllOfTheKey: also for those that were removed before, and did not
// get to run.
func TestRemoveAndWaitWaitsForAllOfTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := keyed.New[string]("set", quiet())
		serve(t, s)
		for _, again := range []func(){
			func() {}, // once
			func() { s.Remove("a") },
			func() { s.Remove("a"); _ = s.Put("a", tendtest.Idle("y")) },
			func() { _ = s.Put("a", tendtest.Idle("y")) },
		} {
			wantError(t, s.Put("a", tendtest.Slow("x", 5*time.Second)), nil)
			synctest.Wait()
			again()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			wantError(t, s.RemoveAndWait(ctx, "a"), context.DeadlineExceeded)
			cancel()
			if took := after(func() { wantError(t, s.RemoveAndWait(t.Context(), "a"), nil) }); took != 4*time.Second {
				t.Errorf("it took %v", took)
			}
			wantStates(t, s, "")
			wantError(t, s.RemoveAndWait(t.Context(), "a"), nil)
		}
	})
}

// TestKeysOfThoseThatLeave: a service that leaves by itself, or that somebody removes by its
// token, has no key any more, and the next one is another service.
func TestKeysOfThoseThatLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := keyed.New[int]("set", quiet())
		serve(t, s)
		wantError(t, s.Put(1, tend.Func("", func(context.Context) error { return tend.ErrDoNotRestart })), nil)
		wantError(t, s.Put(2, tendtest.Idle("x")), nil)
		wantError(t, s.Put(3, tendtest.Slow("x", time.Second)), nil)
		synctest.Wait()
		two, _ := s.Token(2)
		three, _ := s.Token(3)
		wantError(t, s.Supervisor().Remove(two), nil)
		wantError(t, s.Supervisor().Remove(three), nil)
		synctest.Wait()
		if keys := slices.Collect(keysOf(s)); s.Len() != 1 || len(keys) != 1 || keys[0] != 3 {
			t.Errorf("%d keys: %v", s.Len(), keys)
		}
		for key := range 4 {
			wantError(t, s.Put(key, tendtest.Idle("x")), nil)
		}
		if token, _ := s.Token(3); token == three || s.Len() != 4 {
			t.Errorf("the token of 3 is %v; %d keys", token, s.Len())
		}
		time.Sleep(2 * time.Second)
		wantStates(t, s, "0 running, 1 running, 2 running, 3 running")
		if s.Len() != 4 {
			t.Errorf("%d keys", s.Len())
		}
	})
}

func keysOf[K comparable](s *keyed.Set[K]) func(func(K) bool) {
	return func(yield func(K) bool) {
		for key := range s.All() {
			if !yield(key) {
				return
			}
		}
	}
}

// TestSuspendAndRestart: an operator's word lasts over a replacement.
func TestSuspendAndRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := keyed.New[string]("set", quiet())
		serve(t, s)
		wantError(t, s.Put("a", tendtest.Idle("x")), nil)
		wantError(t, s.Suspend("a"), nil)
		wantStates(t, s, "a suspended")
		wantError(t, s.Put("a", tendtest.Idle("y")), nil)
		wantStates(t, s, "a suspended")
		wantError(t, s.Restart("a", nil), nil)
		wantStates(t, s, "a running")
		wantError(t, s.Suspend("b"), tend.ErrRemoved)
		if err := s.Restart("b", nil); !errors.Is(err, tend.ErrRemoved) || !strings.Contains(err.Error(), "set has no service of the key b") {
			t.Error(err)
		}
	})
}

// TestOneSickKeyPausesNobody: each answers for itself unless the settings say otherwise.
func TestOneSickKeyPausesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var paused atomic.Int32
		spec := keyed.Spec{Supervisor: tend.Spec{EventHook: func(e tend.Event) {
			if _, is := e.(tend.PauseBegan); is {
				paused.Add(1)
			}
		}}}
		s := keyed.New[string]("set", spec)
		serve(t, s)
		var runs atomic.Int32
		wantError(t, s.Put("sick", tend.Func("x", func(context.Context) error { runs.Add(1); return errors.New("boom") })), nil)
		wantError(t, s.Put("well", tendtest.Idle("x")), nil)
		time.Sleep(time.Minute)
		if got := s.Supervisor().Status().Count; got != 0 || paused.Load() != 0 || runs.Load() < 8 || runs.Load() > 20 {
			t.Errorf("the count is %v, %d pauses, %d runs", got, paused.Load(), runs.Load())
		}
		limited := keyed.New[string]("limited", keyed.Spec{Child: tend.Child{Limit: tend.Limit{N: 2}}, Supervisor: quiet().Supervisor})
		serve(t, limited)
		wantError(t, limited.Put("a", tendtest.Failing("x", errors.New("boom"))), nil)
		wantStates(t, limited, "a failed")
	})
}

// TestMaxServices: a service too many is refused, one in the place of another is not.
func TestMaxServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := quiet()
		spec.Supervisor.MaxServices = 2
		s := keyed.New[int]("set", spec)
		serve(t, s)
		did := keyed.Reconcile(s, map[int]int{1: 1, 2: 2, 3: 3}, func(int, int) tend.Service { return tendtest.Idle("x") })
		if len(did.Added) != 2 || len(did.Refused) != 1 || s.Len() != 2 {
			t.Errorf("%+v, %d keys", did, s.Len())
		}
		wantError(t, s.Put(4, tendtest.Idle("x")), tend.ErrTooManyServices)
		wantError(t, s.Put(did.Added[0], tendtest.Idle("x")), nil)
		if _, is := s.Get(4); is {
			t.Error("what was refused is there")
		}
	})
}

// TestBadInput panics, and changes nothing.
func TestBadInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := keyed.New[float64]("set", quiet())
		serve(t, s)
		below := tend.New("below", tend.Spec{})
		for what, do := range map[string]func(){
			`the Service of the key 1 is nil`: func() { _ = s.Put(1, nil) },
			`does not equal itself`:           func() { _ = s.Put(math.NaN(), tendtest.Idle("x")) },
			`Timeout is -1ns`:                 func() { _ = s.Put(1, tend.Child{Service: tendtest.Idle("x"), Timeout: -1}) },
			`has a Service or a Name`:         func() { keyed.New[int]("x", keyed.Spec{Child: tend.Child{Name: "x"}}) },
			`Watchdog is -1ns`:                func() { keyed.New[int]("x", keyed.Spec{Child: tend.Child{Watchdog: -1}}) },
			`Spec.Timeout is negative`:        func() { keyed.New[int]("x", keyed.Spec{Supervisor: tend.Spec{Timeout: -1}}) },
			`with a nil function`:             func() { keyed.Reconcile[float64, int](s, nil, nil) },
			`boom`: func() {
				keyed.Reconcile(s, map[float64]int{1: 1, 2: 2}, func(key float64, n int) tend.Service {
					if n == 2 {
						panic("boom")
					}
					return below
				})
			},
		} {
			func() {
				defer func() {
					if got := fmt.Sprint(recover()); !strings.Contains(got, what) {
						t.Errorf("panic is %q, want %q", got, what)
					}
				}()
				do()
			}()
		}
		wantStates(t, s, "")
		wantError(t, s.Put(1, below), nil) // it is free
	})
}

// sized is a tenant for a configuration.
func sized(key string, size int) tend.Service { return tendtest.Idle(fmt.Sprint(key, size)) }

// TestReconcile adds, removes and replaces what differs, touches no other and says so.
func TestReconcile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := keyed.New[string]("set", quiet())
		check := func(want map[string]int, changes keyed.Changes[string]) {
			t.Helper()
			did := keyed.Reconcile(s, want, sized)
			for _, list := range [][]string{did.Added, did.Replaced, did.Removed} {
				slices.Sort(list)
			}
			if diff := cmp.Diff(changes, did); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for key, svc := range s.All() {
				if fmt.Sprint(svc) != fmt.Sprint(key, want[key]) {
					t.Errorf("%s has %v", key, svc)
				}
			}
			if s.Len() != len(want) {
				t.Errorf("%d keys, want %v", s.Len(), want)
			}
		}
		check(map[string]int{"a": 1, "b": 1}, keyed.Changes[string]{Added: []string{"a", "b"}}) // not served yet
		serve(t, s)
		check(map[string]int{"a": 1, "b": 1}, keyed.Changes[string]{})
		check(map[string]int{"a": 1, "b": 2, "c": 1}, keyed.Changes[string]{Added: []string{"c"}, Replaced: []string{"b"}})
		wantError(t, s.Put("a", tendtest.Idle("by hand")), nil)
		check(map[string]int{"a": 1, "c": 1}, keyed.Changes[string]{Replaced: []string{"a"}, Removed: []string{"b"}})
		c, _ := s.Token("c")
		wantError(t, s.Supervisor().RemoveAndWait(t.Context(), c), nil)
		check(map[string]int{"a": 1, "c": 1}, keyed.Changes[string]{Added: []string{"c"}})
		check(nil, keyed.Changes[string]{Removed: []string{"a", "c"}})
		wantStates(t, s, "")
	})
}

// TestTheLastReconcileHasTheLastWord, also on what somebody removes or changes while it has
// services made for other keys.
func TestTheLastReconcileHasTheLastWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := keyed.New[string]("set", quiet())
		serve(t, s)
		keyed.Reconcile(s, map[string]int{"a": 1, "b": 1}, sized)
		var made []string
		did := keyed.Reconcile(s, map[string]int{"a": 1, "b": 1, "c": 1}, func(key string, size int) tend.Service {
			made = append(made, key)
			if key == "c" {
				s.Remove("a")
				wantError(t, s.Put("b", sized("b", 2)), nil)
			}
			return sized(key, size)
		})
		if slices.Sort(made[1:]); !slices.Equal(made, []string{"c", "a", "b"}) {
			t.Errorf("made were %q", made)
		}
		slices.Sort(did.Added)
		if diff := cmp.Diff(keyed.Changes[string]{Added: []string{"a", "c"}, Replaced: []string{"b"}}, did); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		wantStates(t, s, "a running, b running, c running")
		if svc, _ := s.Get("b"); fmt.Sprint(svc) != "b1" {
			t.Errorf("b has %v", svc)
		}
	})
}

// TestAConfigurationThatIsNil is one like any other.
func TestAConfigurationThatIsNil(t *testing.T) {
	s := keyed.New[string]("set", quiet())
	want := map[string]error{"a": nil}
	mk := func(key string, _ error) tend.Service { return tendtest.Idle(key) }
	keyed.Reconcile(s, want, mk)
	if did := keyed.Reconcile(s, want, mk); !did.IsZero() {
		t.Errorf("the second time: %+v", did)
	}
}

// TestReconcileTouchesNoOther: of 20,000 services those that changed are restarted.
func TestReconcileTouchesNoOther(t *testing.T) {
	if testing.Short() {
		t.Skip("20,000 services")
	}
	spec := quiet()
	spec.Supervisor.NoLabels = true
	s := keyed.New[int]("set", spec)
	done := s.Supervisor().ServeBackground(t.Context())
	var runs atomic.Int64
	make := func(int, int) tend.Service {
		return tend.Func("x", func(ctx context.Context) error { runs.Add(1); <-ctx.Done(); return nil })
	}
	want := map[int]int{}
	for key := range 20_000 {
		want[key] = 0
	}
	keyed.Reconcile(s, want, make)
	wantError(t, s.Supervisor().WaitReady(t.Context()), nil)
	for key := range 200 {
		want[key*100] = 1
	}
	begin := time.Now()
	did := keyed.Reconcile(s, want, make)
	t.Log("it took", time.Since(begin))
	if len(did.Replaced) != 200 || len(did.Added)+len(did.Removed) != 0 || s.Len() != 20_000 {
		t.Errorf("%d replaced, %d added, %d removed", len(did.Replaced), len(did.Added), len(did.Removed))
	}
	for _, key := range did.Replaced {
		token, _ := s.Token(key)
		wantError(t, s.Supervisor().WaitState(t.Context(), token, tend.StateRunning), nil)
	}
	s.Supervisor().Stop()
	<-done
	if got := runs.Load(); got > 20_200 || got < 20_000 { // who is replaced at once has not run
		t.Errorf("%d runs", got)
	}
}

// TestHundredGoroutines put, remove, reconcile and look at the same keys, in every order, while
// the set is served, stopped and served again. There are never two of a key, and in the end
// the last word holds.
func TestHundredGoroutines(t *testing.T) {
	s := keyed.New[int]("set", quiet())
	var running [8]atomic.Int32
	make := func(key, _ int) tend.Service {
		return tend.Func("x", func(ctx context.Context) error {
			if running[key].Add(1) > 1 {
				t.Errorf("two of %d at once", key)
			}
			defer running[key].Add(-1)
			<-ctx.Done()
			return nil
		})
	}
	stop, stopped := context.WithCancel(t.Context())
	var server sync.WaitGroup
	server.Go(func() {
		for stop.Err() == nil {
			done := s.Supervisor().ServeBackground(t.Context())
			time.Sleep(5 * time.Millisecond)
			s.Supervisor().Stop()
			<-done
		}
	})
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			for j := range 30 {
				key := (i + j) % len(running)
				switch i % 5 {
				case 0:
					_ = s.Put(key, make(key, 0))
				case 1:
					s.Remove(key)
				case 2:
					ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
					_ = s.RemoveAndWait(ctx, key)
					cancel()
				case 3:
					keyed.Reconcile(s, map[int]int{key: j, (key + 1) % len(running): i}, make)
				case 4:
					_ = s.Restart(key, nil)
					_, _ = s.Get(key)
					if n := len(maps.Collect(s.All())); n > len(running) || s.Len() > len(running) {
						t.Errorf("%d keys", n)
					}
				}
			}
		})
	}
	all.Wait()
	stopped()
	server.Wait()
	done := s.Supervisor().ServeBackground(t.Context())
	keyed.Reconcile(s, map[int]int{1: -1, 2: -1}, make)
	for _, key := range []int{1, 2} {
		token, _ := s.Token(key)
		wantError(t, s.Supervisor().WaitState(t.Context(), token, tend.StateRunning), nil)
	}
	for key := range running {
		if key != 1 && key != 2 {
			wantError(t, s.RemoveAndWait(t.Context(), key), nil)
		}
	}
	if services := s.Supervisor().Services(); s.Len() != 2 || len(services) != 2 {
		t.Errorf("%d keys, services %v", s.Len(), services)
	}
	s.Supervisor().Stop()
	<-done
}

// TestReconcileAtOnce: a hundred that want the same make it once.
func TestReconcileAtOnce(t *testing.T) {
	s := keyed.New[int]("set", quiet())
	done := s.Supervisor().ServeBackground(t.Context())
	var added, runs atomic.Int64
	make := func(int, int) tend.Service {
		return tend.Func("x", func(ctx context.Context) error { runs.Add(1); <-ctx.Done(); return nil })
	}
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			did := keyed.Reconcile(s, map[int]int{1: 1, 2: 2, 3: 3}, make)
			added.Add(int64(len(did.Added)))
			if len(did.Replaced)+len(did.Removed)+len(did.Refused) != 0 {
				t.Errorf("%+v", did)
			}
		})
	}
	all.Wait()
	wantError(t, s.Supervisor().WaitReady(t.Context()), nil)
	s.Supervisor().Stop()
	<-done
	if added.Load() != 3 || runs.Load() != 3 {
		t.Errorf("%d added, %d runs", added.Load(), runs.Load())
	}
}

// stringer is a key whose text is code that calls back.
type stringer struct {
	n int
	s **keyed.Set[stringer]
}

func (k stringer) String() string {
	(*k.s).Len()
	(*k.s).Remove(stringer{-1, k.s})
	if k.n == 2 {
		panic("boom")
	}
	return fmt.Sprint("key ", k.n)
}

// TestKeysMayCallBack: no lock is held while they say what they are.
func TestKeysMayCallBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := keyed.New[stringer]("set", quiet())
		serve(t, s)
		keyed.Reconcile(s, map[stringer]int{{1, &s}: 1}, func(key stringer, _ int) tend.Service {
			wantError(t, s.Put(stringer{2, &s}, tendtest.Idle("x")), nil)
			keyed.Reconcile(s, map[stringer]int{}, func(stringer, int) tend.Service { return nil })
			return tendtest.Idle("x")
		})
		wantStates(t, s, "key 1 running")
		wantError(t, s.Put(stringer{2, &s}, tendtest.Idle("x")), nil)
		wantStates(t, s, "key 1 running, keyed_test.stringer running")
	})
}
