package health_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
	"github.com/tend-go/tend/internal/stopped"
	"github.com/tend-go/tend/tendtest"
)

// root is a supervisor that logs what happens to its services, and is served
// until the test ends.
func root(t testing.TB, l *log, services ...tend.Service) *tend.Supervisor {
	s := tend.New("root", tend.Spec{Jitter: -1, EventHook: func(e tend.Event) {
		switch e := e.(type) {
		case tend.ServiceStarted:
			l.add("%s started", e.Service)
		case tend.ServiceReady:
			l.add("%s ready", e.Service)
		case tend.ServiceFailed:
			l.add("%s failed: %s", e.Service, why(e.Err))
		case tend.ServiceEnded:
			l.add("%s ended: %s", e.Service, why(e.Cause))
		case tend.ServiceStuck:
			l.add("%s stuck", e.Service)
		case tend.ServiceGaveUp:
			l.add("%s gave up", e.Service)
		case tend.PauseBegan, tend.PauseEnded:
			l.add("%v", e)
		}
	}})
	for _, svc := range services {
		s.Add(svc)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := s.ServeBackground(ctx)
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}

// guarded is what Guard makes, or the test fails.
func guarded(t testing.TB, prober *health.Prober, component string, svc tend.Service, probes ...health.Probe) tend.Child {
	t.Helper()
	for i := range probes {
		probes[i].Jitter = -1
	}
	c, err := prober.Guard(component, svc, probes...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// why is what an UnhealthyError holds, or what another error says.
func why(err error) string {
	var sick *health.UnhealthyError
	if errors.As(err, &sick) {
		return fmt.Sprintf("%s %v %d %v", sick.Probe, sick.Kind, sick.Failures, sick.Err)
	}
	return err.Error()
}

// until is a service that runs until it is stopped.
var until = tend.Func("until", obey)

// Guard returns once, nothing is probed until the next incarnation, and that
// starts afresh.
func TestOneSicknessIsOneFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes})
		running := 0
		svc := tend.Func("svc", func(ctx context.Context) error {
			if running++; running > 1 {
				t.Error("two copies run")
			}
			defer func() { running-- }()
			<-ctx.Done()
			l.add("svc is told: %s", why(context.Cause(ctx)))
			time.Sleep(3 * time.Second) // it is probed no more
			return tend.ErrDoNotRestart // it was stopped: what it says now does not matter
		})
		child := guarded(t, prober, "db", svc,
			health.Probe{Name: "ping", Kind: health.Liveness, Check: l.logged("ping", script("+---+"))},
			health.Probe{Name: "load", Kind: health.Liveness, Check: script("+----"), FailureThreshold: 4},
			health.Probe{Name: "slow", Check: script("-")})
		root(t, l, prober, child)
		time.Sleep(55 * time.Second)
		sick := "db:ping liveness 3 sick"
		l.want(t,
			"0s health started", "0s db started",
			"0s ping", "0s db:load unknown>healthy 0", "0s db:ping unknown>healthy 0",
			"10s ping", "20s ping", "20s db:slow unknown>unhealthy 3",
			"30s ping", "30s svc is told: "+sick, "30s db:ping healthy>unhealthy 3",
			"33s db failed: "+sick, "33s db started",
			"33s ping", "33s db:ping unknown>healthy 0",
			"43s ping", "53s ping", "53s db:slow unknown>unhealthy 3")
	})
}

// Readiness is the zero value: what asks for a database restarts nothing.
func TestAProbeRestartsNothingUnlessItSaysSo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{})
		l := newLog()
		root(t, l, prober, guarded(t, prober, "web", until, health.Probe{Name: "database", Check: script("-")}))
		time.Sleep(time.Hour)
		l.want(t, "0s health started", "0s web started")
		if state(t, prober, "web:database") != health.Unhealthy {
			t.Error("it is not even reported")
		}
	})
}

// TestGuardOutsideOfSupervisor: it is a service like any other.
func TestGuardOutsideOfSupervisor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{})
		serve(t, prober)
		c := guarded(t, prober, "db", until, health.Probe{Name: "ping", Kind: health.Liveness, FailureThreshold: 1, Check: script("-")})
		err := c.Serve(t.Context())
		var sick *health.UnhealthyError
		if !errors.As(err, &sick) || !errors.Is(err, errSick) || sick.Probe != "db:ping" || sick.Kind != health.Liveness || sick.Failures != 1 {
			t.Errorf("Serve returned %#v", err)
		}
		if text := "tend/health: db:ping is unhealthy after 1 failure: sick"; err.Error() != text {
			t.Errorf("it says %q, want %q", err, text)
		}
		if n := len(prober.Snapshot(health.Readiness).Probes); n != 0 {
			t.Errorf("%d probes are left", n)
		}
	})
}

// TestGuardStuck: a service that does not stop is reported by its supervisor, and
// not run twice.
func TestGuardStuck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{})
		hang := time.Minute
		hung := tend.Func("hung", func(ctx context.Context) error {
			time.Sleep(hang)
			hang = 0
			return obey(ctx)
		})
		root(t, l, prober, tend.Child{Timeout: 5 * time.Second, Service: guarded(t, prober, "hung", hung,
			health.Probe{Name: "ping", Kind: health.Liveness, FailureThreshold: 1, Check: script("-+")})})
		time.Sleep(65 * time.Second)
		l.want(t, "0s health started", "0s hung started", "5s hung stuck",
			"1m0s hung failed: hung:ping liveness 1 sick", "1m0s hung started")
	})
}

// TestVerdictCancelsTheOthers: checks under way are about a service that has been
// given up.
func TestVerdictCancelsTheOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{})
		svc := tend.Func("svc", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Minute)
			return nil
		})
		c := guarded(t, prober, "g", svc,
			health.Probe{Name: "long", Timeout: time.Hour, Check: func(ctx context.Context) error {
				<-ctx.Done()
				l.add("long is over")
				return nil
			}},
			health.Probe{Name: "ping", Kind: health.Liveness, Check: script("-")})
		serve(t, prober)
		_ = c.Serve(t.Context())
		l.want(t, "20s long is over")
	})
}

// TestGuardKeepsChild: the settings of a Child survive, and its name.
func TestGuardKeepsChild(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{})
		once := tend.Child{Name: "named", Service: tend.Child{Restart: tend.Temporary, Service: tend.Func("once", func(context.Context) error { return nil })}}
		root(t, l, guarded(t, prober, "a", once), guarded(t, prober, "b", &once), guarded(t, prober, "c", until))
		synctest.Wait()
		l.want(t, "0s named started", "0s named started", "0s c started", "0s named ended: ", "0s named ended: ")
	})
}

// TestGuardEnds: the service's own end is its own, and its probes go with it.
func TestGuardEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{})
		serve(t, prober)
		ping := health.Probe{Name: "ping", Kind: health.Liveness, Check: obey}
		crash := tend.Func("crash", func(context.Context) error { panic(errSick) })
		func() {
			defer func() {
				if v := recover(); v != errSick {
					t.Errorf("recovered %v", v)
				}
			}()
			_ = guarded(t, prober, "a", crash, ping).Serve(t.Context())
		}()
		fails := tend.Func("fails", func(ctx context.Context) error {
			time.Sleep(time.Second)
			return errSick
		})
		if err := guarded(t, prober, "a", fails, ping).Serve(t.Context()); err != errSick {
			t.Errorf("Serve returned %v", err)
		}
		if n := len(prober.Snapshot(health.Readiness).Probes); n != 0 {
			t.Errorf("%d probes are left", n)
		}
	})
}

// TestHelpersOfASickServiceObey: the verdict alone is what it fails with.
func TestHelpersOfASickServiceObey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{})
		serve(t, prober)
		svc := tend.Func("a", func(ctx context.Context) error {
			<-ctx.Done()
			if err := context.Cause(ctx); !stopped.Obeys(ctx, err) {
				t.Errorf("a helper that says %v has failed", err)
			}
			return nil
		})
		ping := health.Probe{Name: "ping", Kind: health.Liveness, FailureThreshold: 1, Check: script("-")}
		if err := guarded(t, prober, "a", svc, ping).Serve(t.Context()); why(err) != "a:ping liveness 1 sick" {
			t.Errorf("Serve returned %v", err)
		}
	})
}

func TestGuardBadInput(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{})
		list := func(context.Context) ([]health.Probe, error) { return nil, nil }
		for _, c := range []struct {
			component string
			svc       tend.Service
			probes    []health.Probe
			want      string
		}{
			{"", until, nil, `Guard "": the component has no name`},
			{"a:b", until, nil, `Guard "a:b": the component has a colon`},
			{"a", nil, nil, `Guard "a": the service is nil`},
			{"a", tend.Child{}, nil, `Guard "a": the service is nil`},
			{"a", (*tend.Child)(nil), nil, `Guard "a": the service is nil`},
			{"a", until, []health.Probe{{}}, `Guard "a": a probe has no name`},
			{"a", until, []health.Probe{{Name: "p"}, {Name: "p"}}, `Guard "a": there is already a probe "a:p"`},
			{"a", until, []health.Probe{{Name: "p", MaxAge: -1}}, `probe "a:p": MaxAge is -1ns`},
			{"a", until, []health.Probe{{Name: "p", List: list}}, `probe "a:p": a source cannot be guarded`},
		} {
			_, err := prober.Guard(c.component, c.svc, c.probes...)
			wantError(t, err, c.want)
		}
		add(t, prober, health.Probe{Name: "a:p"})
		c := guarded(t, prober, "a", until, health.Probe{Name: "o"}, health.Probe{Name: "p"})
		wantError(t, c.Serve(t.Context()), `there is already a probe "a:p"`)
		if n := len(prober.Snapshot(health.Readiness).Probes); n != 1 {
			t.Errorf("%d probes after an error", n)
		}
	})
}

// There is no change and no failure while it stops, for whatever reason; cancelled
// checks at shutdown count for nothing.
func TestAServiceThatStopsIsNotSick(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes})
		var draining atomic.Bool
		svc := tend.Func("svc", func(ctx context.Context) error {
			<-ctx.Done()
			draining.Store(true)
			time.Sleep(8 * time.Second)
			return ctx.Err()
		})
		ping := health.Probe{Name: "ping", Interval: time.Second, FailureThreshold: 1, Kind: health.Liveness, Check: func(ctx context.Context) error {
			time.Sleep(600 * time.Millisecond) // one is under way when the stop begins
			if draining.Load() {
				return errSick
			}
			return nil
		}}
		beats := health.Probe{Name: "beats", MaxAge: time.Second, FailureThreshold: 5, Kind: health.Liveness}
		told := health.Probe{Name: "told", FailureThreshold: 1, Kind: health.Liveness}
		s := root(t, l, prober)
		token := s.Add(guarded(t, prober, "svc", svc, ping, beats, told))
		time.AfterFunc(5*time.Second, func() {
			if err := prober.Report("svc:told", errSick); err != nil { // it is there, but does not count
				t.Error(err)
			}
		})
		add(t, prober, health.Probe{Name: "other", FailureThreshold: 1, Timeout: 20 * time.Second, Check: obey})
		time.Sleep(4500 * time.Millisecond)
		if err := s.RemoveAndWait(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		l.want(t, "0s health started", "0s svc started", "600ms svc:ping unknown>healthy 0", "12.5s svc ended: tend: service was removed")
		s.Stop() // the check of "other" is under way
		l.want(t, "12.5s health ended: tend: supervisor was stopped")
		if p := status(t, prober, "other"); p.State != health.Unknown || p.Failures != 0 {
			t.Errorf("a shutdown has made a probe sick: %+v", p)
		}
	})
}

// It runs until it has passed, and its failure restarts.
func TestStartupHoldsBackLivenessAndReadiness(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes})
		child := guarded(t, prober, "db", until,
			health.Probe{Name: "live", Kind: health.Liveness, FailureThreshold: 1, Check: l.logged("live", script("+"))},
			health.Probe{Name: "boot", Kind: health.Startup, FailureThreshold: 2, Interval: 4 * time.Second, Check: l.logged("boot", script("---++"))},
			health.Probe{Name: "ready", Check: l.logged("ready", script("+")), Interval: time.Minute},
			health.Probe{Name: "beats", Kind: health.Liveness, MaxAge: time.Second, FailureThreshold: 100})
		child.ReadyTimeout = time.Minute
		s := root(t, l, tend.Child{Service: prober, ReadyTimeout: time.Minute}, child)
		time.Sleep(5 * time.Second)
		if err := prober.Report("db:live", errSick); err != nil { // it is held back: a failure would restart
			t.Error(err)
		}
		time.Sleep(16500 * time.Millisecond)
		sick := "db:boot startup 2 sick"
		l.want(t,
			"0s health started", "0s health ready", "0s db started", "0s boot", "4s boot", "4s db:boot unknown>unhealthy 2",
			"4s db failed: "+sick, "4s db started", "4s boot", "8s boot",
			"8s db:boot unknown>healthy 1", "8s db ready", "8s live", "8s ready", "8s db:live unknown>healthy 0", "8s db:ready unknown>healthy 0",
			"18s live")
		if b := status(t, prober, "db:beats"); b.Failures != 13 { // one a second since 9s
			t.Errorf("%d failures of beats", b.Failures)
		}
		var notes []string
		for _, a := range s.Status().Services[1].Annotations {
			notes = append(notes, a.String())
		}
		slices.Sort(notes)
		if diff := cmp.Diff([]string{"db:boot=healthy", "db:live=healthy", "db:ready=healthy"}, notes); diff != "" {
			t.Errorf("the tree shows (-want +got):\n%s", diff)
		}
	})
}

// TestLivenessWaitsForReady: a service that has its time to start is not judged alive or
// not while it does.
func TestLivenessWaitsForReady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes})
		child := guarded(t, prober, "db", tend.Func("", func(ctx context.Context) error {
			time.Sleep(25 * time.Second)
			tend.Ready(ctx)
			return obey(ctx)
		}),
			health.Probe{Name: "live", Kind: health.Liveness, FailureThreshold: 1, Check: l.logged("live", script("+"))},
			health.Probe{Name: "ready", FailureThreshold: 1, Check: l.logged("ready", script("-+"))})
		child.ReadyTimeout = time.Minute
		root(t, l, prober, child)
		time.Sleep(45 * time.Second)
		l.want(t,
			"0s health started", "0s db started", "0s ready", "0s db:ready unknown>unhealthy 1", "10s ready", "10s db:ready unhealthy>healthy 1",
			"20s ready", "25s db ready", "30s live", "30s ready", "30s db:live unknown>healthy 0",
			"40s live", "40s ready")
	})
}

// TestSilenceBeginsWhenReady: a service that has its time to start is not silent while it
// does; and then it is, if it does not beat.
func TestSilenceBeginsWhenReady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes})
		child := guarded(t, prober, "db", tend.Func("", func(ctx context.Context) error {
			select {
			case <-time.After(25 * time.Second):
				tend.Ready(ctx)
			case <-ctx.Done():
			}
			return obey(ctx)
		}), health.Probe{Name: "beats", Kind: health.Liveness, FailureThreshold: 2, MaxAge: 10 * time.Second})
		child.ReadyTimeout = time.Minute
		root(t, l, prober, child)
		time.Sleep(55 * time.Second)
		l.want(t,
			"0s health started", "0s db started", "25s db ready",
			"50s db:beats unknown>unhealthy 2", "50s db failed: db:beats liveness 2 nothing was heard (for 20s)", "50s db started")
	})
}

// TestStartupOfComponent: without a Guard it holds back its component all the same,
// and may recover.
func TestStartupOfComponent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes})
		boot := func(n int, results string) health.Probe {
			return health.Probe{Name: fmt.Sprintf("db:boot%d", n), Kind: health.Startup, FailureThreshold: 2, Check: script(results)}
		}
		add(t, prober, health.Probe{Name: "db:ping", Check: l.logged("ping", script("+"))}, boot(1, "---+"), boot(2, "+"), boot(3, "-"),
			health.Probe{Name: "web:ping", Check: script("+")})
		serve(t, prober)
		time.Sleep(35 * time.Second)
		l.want(t,
			"0s db:boot2 unknown>healthy 0", "0s web:ping unknown>healthy 0",
			"10s db:boot1 unknown>unhealthy 2", "10s db:boot3 unknown>unhealthy 2", "30s db:boot1 unhealthy>healthy 3")
		prober.Remove("db:boot3") // the last that had not passed
		synctest.Wait()
		l.want(t, "35s ping", "35s db:ping unknown>healthy 0")
	})
}

func TestSilenceRestartsEvenIfTheFirstBeatNeverComes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes})
		run := 0
		worker := tend.Func("worker", func(ctx context.Context) error {
			run++
			for i := 0; i < (run-1)*20 && ctx.Err() == nil; i++ { // the first run never beats
				time.Sleep(time.Second)
				health.Beat(ctx)
			}
			return obey(ctx)
		})
		root(t, l, prober, guarded(t, prober, "w", worker,
			health.Probe{Name: "beat", Kind: health.Liveness, MaxAge: 5 * time.Second, FailureThreshold: 2, InitialDelay: 10 * time.Second}))
		time.Sleep(55 * time.Second)
		l.want(t,
			"0s health started", "0s w started",
			"20s w:beat unknown>unhealthy 2", "20s w failed: w:beat liveness 2 nothing was heard (for 10s)",
			"20s w started", "21s w:beat unknown>healthy 0",
			"50s w:beat healthy>unhealthy 2", "50s w failed: w:beat liveness 2 nothing was heard (for 10s)",
			"50s w started", "51s w:beat unknown>healthy 0")
	})
}

// TestBeatAnywhere: outside of a Guard it does nothing; in one it is an Alive too.
func TestBeatAnywhere(t *testing.T) {
	health.Beat(t.Context())
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{})
		child := guarded(t, prober, "w", tend.Func("w", func(ctx context.Context) error {
			for range 10 {
				health.Beat(ctx)
				time.Sleep(time.Second)
			}
			return obey(ctx)
		}))
		child.Watchdog = 2 * time.Second
		root(t, l, child)
		time.Sleep(12 * time.Second)
		l.want(t, "0s w started", "11s w failed: tend: service did not call Alive in time", "11s w started")
	})
}

// TestGuardsOfMany: what becomes of one is nothing to the others.
func TestGuardsOfMany(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{})
		children := []tend.Service{prober}
		for i := range 100 {
			check := script("+")
			if i == 50 {
				check = script("+---+")
			}
			children = append(children, guarded(t, prober, fmt.Sprintf("p%d", i), until, health.Probe{Name: "ping", Kind: health.Liveness, Check: check}))
		}
		root(t, l, children...)
		synctest.Wait()
		l.take()
		time.Sleep(10 * time.Minute)
		if diff := cmp.Diff([]string{"30s p50 failed: p50:ping liveness 3 sick", "30s p50 started"}, l.take()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if r := prober.Snapshot(health.Readiness); r.Status != health.GradePass || len(r.Probes) != 100 {
			t.Errorf("%v with %d probes", r.Status, len(r.Probes))
		}
	})
}

// The tree shows the last state of a probe, whoever is held up on the way to say so.
func TestTheLastStateIsShown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{})
		guarded, err := prober.Guard("db", tendtest.Idle("db"), health.Probe{Name: "x", MaxAge: time.Hour, FailureThreshold: 1})
		if err != nil {
			t.Fatal(err)
		}
		var blocks atomic.Bool
		held, release := make(chan struct{}), make(chan struct{})
		root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		root.Add(tend.Func("db", func(ctx context.Context) error {
			return guarded.Serve(lookedAt{ctx, func() {
				if blocks.CompareAndSwap(true, false) {
					close(held)
					<-release
				}
			}})
		}))
		root.ServeBackground(t.Context())
		defer root.Stop()
		synctest.Wait()
		blocks.Store(true)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = prober.Report("db:x", io.EOF)
		}()
		<-held
		_ = prober.Report("db:x", nil) // while the other one is about to say that it fails
		close(release)
		<-done
		synctest.Wait()
		for _, a := range root.Status().Services[0].Annotations {
			if a.Key == "db:x" && a.Value.String() != "healthy" {
				t.Errorf("it is %v", a.Value)
			}
		}
	})
}

// lookedAt is a context that calls look when it is asked for a value.
type lookedAt struct {
	context.Context
	look func()
}

func (c lookedAt) Value(key any) any {
	c.look()
	return c.Context.Value(key)
}
