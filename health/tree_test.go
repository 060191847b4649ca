package health_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
	"github.com/tend-go/tend/tendtest"
)

// tree is a tree that is a function.
type tree func() tend.Status

func (f tree) Status() tend.Status { return f() }

// quiet keeps events out of the log.
func quiet(tend.Event) {}

// worked is a service that runs for a millisecond, and then fails.
func worked(name string) tend.Service {
	return tend.Func(name, func(context.Context) error {
		time.Sleep(time.Millisecond)
		return errSick
	})
}

// sub is a supervisor with these services.
func sub(services ...tend.Service) *tend.Supervisor {
	s := tend.New("sub", tend.Spec{EventHook: quiet})
	for _, svc := range services {
		s.Add(svc)
	}
	return s
}

// served serves a tree until the test ends.
func served(t *testing.T, services ...tend.Service) *tend.Supervisor {
	s := tend.New("root", tend.Spec{Jitter: -1, EventHook: quiet})
	for _, svc := range services {
		s.Add(svc)
	}
	done := s.ServeBackground(t.Context())
	t.Cleanup(func() {
		s.Stop()
		<-done
		time.Sleep(time.Minute) // for what is stuck
	})
	return s
}

// first is the token of the first service of s.
func first(s *tend.Supervisor) tend.ServiceToken { return s.Status().Services[0].Token }

// TestTreeGrades: reports say of a tree what the tree says by its own rule. Each tree
// is given a second.
func TestTreeGrades(t *testing.T) {
	const pass, warn, fail = health.GradePass, health.GradeWarn, health.GradeFail
	backoff := tend.Backoff{Min: time.Hour}
	idle := func(name string) tend.Service { return tendtest.Idle(name) }
	late := tend.Child{Service: idle("late"), ReadyTimeout: time.Hour}
	hangs := tend.Child{Service: tendtest.Slow("hangs", time.Minute), Timeout: time.Second}
	for name, c := range map[string]struct {
		services    []tend.Service
		nested      []tend.Service // of another supervisor
		then        func(s *tend.Supervisor)
		ready       health.Grade
		alive       health.Grade
		run, should int
	}{
		"empty":         {},
		"running":       {services: []tend.Service{idle("a")}, nested: []tend.Service{idle("b")}, run: 3, should: 3},
		"starting":      {services: []tend.Service{idle("a"), late}, ready: fail, run: 1, should: 2},
		"nested starts": {nested: []tend.Service{late}, ready: fail, should: 2},
		"nested starts later": {
			services: []tend.Service{idle("a")}, then: func(s *tend.Supervisor) { s.Add(sub(late)) }, ready: warn, run: 1, should: 3,
		},
		"backoff":            {services: []tend.Service{tend.Child{Service: worked("a"), Backoff: backoff}}, ready: fail, should: 1},
		"nested backoff":     {services: []tend.Service{idle("a")}, nested: []tend.Service{tend.Child{Service: worked("b"), Backoff: backoff}}, ready: warn, run: 2, should: 3},
		"significant nested": {nested: []tend.Service{tend.Child{Service: worked("b"), Backoff: backoff, Significant: true}}, ready: fail, run: 1, should: 2},
		"failed for good":    {services: []tend.Service{tend.Child{Service: worked("web"), Limit: tend.Limit{N: 1}}, idle("b")}, ready: fail, run: 1, should: 2},
		"suspended": {
			services: []tend.Service{idle("a"), idle("b")}, then: func(s *tend.Supervisor) { _ = s.Suspend(first(s)) }, run: 1, should: 1,
		},
		"done": {services: []tend.Service{tend.Child{Service: tendtest.Failing("a", nil), Restart: tend.Transient}}},
		"a temporary one starts": {
			services: []tend.Service{idle("a")},
			then:     func(s *tend.Supervisor) { s.Add(tend.Child{Service: late, Restart: tend.Temporary}) }, run: 1, should: 2,
		},
		"stuck": {services: []tend.Service{hangs, idle("b")}, then: func(s *tend.Supervisor) {
			_ = s.Restart(first(s), nil)
			time.Sleep(2 * time.Second)
		}, ready: fail, alive: fail, run: 1, should: 2},
		"stuck on its way out": {services: []tend.Service{hangs, idle("b")}, then: func(s *tend.Supervisor) {
			_ = s.Remove(first(s))
			time.Sleep(2 * time.Second)
		}, run: 1, should: 1},
		"stopping": {
			services: []tend.Service{tendtest.Slow("a", 5*time.Second)}, then: func(s *tend.Supervisor) { go s.Stop() }, ready: fail, should: 1,
		},
		"stopping, and stuck": {services: []tend.Service{hangs, tendtest.Slow("b", 5*time.Second)}, then: func(s *tend.Supervisor) {
			go s.Stop()
			time.Sleep(2 * time.Second)
		}, ready: fail, should: 2},
		"stopped": {services: []tend.Service{idle("a")}, then: func(s *tend.Supervisor) { s.Stop() }, ready: fail, should: 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				services := c.services
				if c.nested != nil {
					services = append(services, sub(c.nested...))
				}
				s := served(t, services...)
				time.Sleep(time.Second)
				if c.then != nil {
					c.then(s)
				}
				prober := newProber(t, health.Config{Tree: s})
				serve(t, prober)
				synctest.Wait()
				status := s.Status()
				count := health.TreeStatus{Name: "root", Time: time.Now(), Services: c.should, Running: c.run}
				reason := status.Ready()
				if c.ready == warn {
					reason = status.AllRunning()
				}
				wantReport(t, prober, health.Readiness, count, c.ready, reason)
				wantReport(t, prober, health.Liveness, count, c.alive, status.Alive())
			})
		})
	}
}

// wantReport fails the test unless the report, and the handler, say of the tree what
// they should.
func wantReport(t *testing.T, prober *health.Prober, about health.Kind, want health.TreeStatus, g health.Grade, reason error) {
	t.Helper()
	if (reason != nil) != (g != health.GradePass) {
		t.Errorf("%v: the rule says %v, want %v", about, reason, g)
	} else if reason != nil {
		want.Output = reason.Error()
	}
	want.Status = g
	r := prober.Snapshot(about)
	if diff := cmp.Diff(&want, r.Tree); diff != "" || r.Status != g {
		t.Errorf("%v: %v, the tree -want +got:\n%s", about, r.Status, diff)
	}
	status := map[bool]int{true: http.StatusServiceUnavailable, false: http.StatusOK}[g == health.GradeFail]
	if code, body := ask(prober.Handler(about, nil), http.MethodGet); code != status || body != `{"status":"`+g.String()+`"}` {
		t.Errorf("%v: a stranger gets %d %s", about, code, body)
	}
}

// A startup report is about startup probes alone, and asks nobody else.
func TestTheTreeIsNoPartOfStartup(t *testing.T) {
	prober := newProber(t, health.Config{Tree: tree(func() tend.Status {
		t.Error("the tree was asked")
		return tend.Status{}
	})})
	if r := prober.Snapshot(health.Startup); r.Tree != nil || r.Status != health.GradePass {
		t.Errorf("%v, the tree %v", r.Status, r.Tree)
	}
}

// TestConfigReady: the user's rule for readiness, whatever it does. Liveness is the
// tree's own.
func TestConfigReady(t *testing.T) {
	const pass, warn, fail = health.GradePass, health.GradeWarn, health.GradeFail
	for name, c := range map[string]struct {
		ready  func(tend.Status) error
		want   health.Grade
		output string // empty: what AllRunning says
	}{
		"default":  {want: warn},
		"stricter": {ready: tend.Status.AllRunning, want: fail},
		"looser":   {ready: func(tend.Status) error { return nil }, want: warn},
		"own":      {ready: func(tend.Status) error { return errSick }, want: fail, output: "sick"},
		"long":     {ready: func(tend.Status) error { return errors.New(strings.Repeat("x", 2000)) }, want: fail, output: strings.Repeat("x", 1024) + "…"},
		"panics":   {ready: func(tend.Status) error { panic("no rule") }, want: fail, output: "panic: no rule"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := served(t, sub(tend.Child{Service: worked("a"), Backoff: tend.Backoff{Min: time.Hour}}))
				time.Sleep(time.Second)
				prober := newProber(t, health.Config{Tree: s, Ready: c.ready})
				if c.output == "" {
					c.output = s.Status().AllRunning().Error()
				}
				if got := prober.Snapshot(health.Readiness).Tree; got.Status != c.want || got.Output != c.output {
					t.Errorf("%v %q, want %v %q", got.Status, got.Output, c.want, c.output)
				}
				if got := prober.Snapshot(health.Liveness).Tree; got.Status != pass {
					t.Errorf("alive: %v %q", got.Status, got.Output)
				}
			})
		})
	}
}

// Not before all have run; and requests do not ask it each time.
func TestAProgramIsReadyWhenItsTreeIs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		started := make(chan struct{})
		s := served(t, tend.Child{Name: "slow", ReadyTimeout: time.Minute, Service: tend.Func("", func(ctx context.Context) error {
			<-started
			tend.Ready(ctx)
			return obey(ctx)
		})})
		var asked atomic.Int32
		prober := newProber(t, health.Config{Tree: tree(func() tend.Status {
			asked.Add(1)
			return s.Status()
		})})
		s.Add(prober)
		ready, alive := prober.Handler(health.Readiness, nil), prober.Handler(health.Liveness, nil)
		synctest.Wait()
		for range 1000 {
			if code, body := ask(ready, http.MethodGet); code != 503 || body != `{"status":"fail"}` {
				t.Fatalf("a stranger gets %d %s too early", code, body)
			}
			if code, _ := ask(alive, http.MethodGet); code != 200 {
				t.Fatal("a program that starts is alive")
			}
		}
		close(started)
		time.Sleep(time.Second)
		if code, _ := ask(ready, http.MethodGet); code != 200 {
			t.Error("not ready")
		}
		if n := asked.Load(); n != 2 {
			t.Errorf("the tree was asked %d times", n)
		}
	})
}

// From the moment when the stop begins it is not ready, and it is alive until the end,
// whether the Prober stops first, last, together with the others or not at all, and
// whatever a Liveness probe says that fails because of the stop.
func TestAProgramThatStopsIsAliveAndNotReady(t *testing.T) {
	for name, c := range map[string]struct {
		ordered, last, outside bool
	}{"together": {}, "first": {ordered: true}, "last": {ordered: true, last: true}, "not at all": {outside: true}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := tend.New("root", tend.Spec{Ordered: c.ordered, EventHook: quiet})
				prober := newProber(t, health.Config{Tree: s})
				var draining atomic.Bool
				add(t, prober, health.Probe{Name: "port", Kind: health.Liveness, Interval: time.Second, FailureThreshold: 1, Check: func(context.Context) error {
					if draining.Load() {
						return errSick
					}
					return nil
				}})
				services := []tend.Service{tendtest.Slow("web", 8*time.Second), prober}
				if c.last {
					services[0], services[1] = services[1], services[0]
				}
				if c.outside {
					services = services[:1]
					serve(t, prober)
				}
				for _, svc := range services {
					s.Add(svc)
				}
				done := s.ServeBackground(t.Context())
				want := func(live, ready int) {
					t.Helper()
					gotLive, _ := ask(prober.Handler(health.Liveness, nil), http.MethodGet)
					gotReady, _ := ask(prober.Handler(health.Readiness, nil), http.MethodGet)
					if gotLive != live || gotReady != ready {
						t.Errorf("live %d, ready %d, want %d and %d", gotLive, gotReady, live, ready)
					}
				}
				time.Sleep(1500 * time.Millisecond)
				want(200, 200)
				draining.Store(true)
				go s.Stop()
				for range 8 {
					time.Sleep(time.Second)
					want(200, 503)
				}
				<-done
				time.Sleep(time.Second)
				want(200, 503)
				if s := state(t, prober, "port"); s != health.Unhealthy && (c.last || c.outside) {
					t.Errorf("the probe is %v: this test tests nothing", s)
				}
			})
		})
	}
}

// One of a guarded service is on its way to a restart, one of no service is not.
func TestALivenessProbeSaysNoUnlessAGuardSeesToIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{})
		sick := health.Probe{Name: "sick", Kind: health.Liveness, FailureThreshold: 1, Check: script("-")}
		c := guarded(t, prober, "db", tendtest.Slow("db", time.Minute), sick)
		serve(t, prober)
		go func() { _ = c.Serve(t.Context()) }()
		time.Sleep(time.Second)
		alive := prober.Snapshot(health.Liveness)
		if alive.Status != health.GradeWarn || alive.Probes[0].Status != health.GradeFail {
			t.Errorf("a sick service that is being restarted: %v", alive)
		}
		if r := prober.Snapshot(health.Readiness); r.Status != health.GradeFail {
			t.Errorf("it is ready meanwhile: %v", r)
		}
		add(t, prober, sick)
		time.Sleep(time.Second)
		if r := prober.Snapshot(health.Liveness); r.Status != health.GradeFail {
			t.Errorf("nobody sees to it: %v", r)
		}
		time.Sleep(time.Minute)
	})
}

// A tree that hangs holds up nothing but those who ask how it is, and those for five
// seconds.
func TestATreeThatDoesNotAnswerIsNeitherReadyNorAlive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		asked := 0
		prober := newProber(t, health.Config{Tree: tree(func() tend.Status {
			if asked++; asked == 2 {
				time.Sleep(time.Minute)
			}
			return tend.Status{Name: "shop", Serving: true, Started: true}
		})})
		l := newLog()
		serve(t, prober)
		look := func(about health.Kind) {
			tree := prober.Snapshot(about).Tree
			l.add("%v %s %v %s", about, tree.Name, tree.Status, tree.Output)
		}
		look(health.Readiness)
		time.Sleep(time.Second)
		go look(health.Readiness)
		go look(health.Liveness)
		synctest.Wait()
		add(t, prober, health.Probe{Name: "p", Check: l.logged("p runs", script("+"))})
		time.Sleep(10 * time.Second)
		look(health.Liveness)
		time.Sleep(51 * time.Second)
		look(health.Liveness)
		prober.Remove("p")
		l.want(t,
			"0s readiness shop pass ", "1s p runs",
			"6s readiness shop fail the tree does not answer", "6s liveness shop fail the tree does not answer",
			"11s liveness shop fail the tree does not answer", "11s p runs", "21s p runs", "31s p runs", "41s p runs", "51s p runs", "1m1s p runs",
			"1m2s liveness shop pass ")
		if asked != 3 {
			t.Errorf("asked %d times", asked)
		}
	})
}

// Whatever else a tree does.
func TestATreeThatBreaksIsNotReady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			tree   tree
			output string
		}{
			"panic": {func() tend.Status { panic(panicky{}) }, "panic: health_test.panicky"},
			"exit":  {func() tend.Status { runtime.Goexit(); return tend.Status{} }, "the tree called runtime.Goexit when it was asked"},
		} {
			prober := newProber(t, health.Config{Tree: c.tree})
			got := prober.Snapshot(health.Readiness).Tree
			if got.Name != "tree" || got.Status != health.GradeFail || got.Output != c.output {
				t.Errorf("%s: %+v", name, got)
			}
		}
	})
}
