package health_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend/health"
)

func TestTickMakesTheSameCallbacksInTheSameOrder(t *testing.T) {
	var first []string
	for round := range 60 {
		bubble(t, func(t *testing.T) {
			l := newLog()
			prober := newProber(t, health.Config{Concurrency: 5, OnChange: l.changes, OnResult: func(_ context.Context, r health.Result) { l.add("%s %v", r.Name, r.State) }})
			add(t, prober, health.Probe{Name: "m", List: func(context.Context) (probes []health.Probe, err error) {
				for i := range 30 {
					probes = append(probes, health.Probe{
						Name: fmt.Sprintf("p%02d", 29-i), Jitter: -1, FailureThreshold: 2, Timeout: 3 * time.Second,
						Check: func(ctx context.Context) error {
							switch i % 4 {
							case 0:
								return obey(ctx)
							case 1:
								time.Sleep(time.Second)
								return errSick
							}
							runtime.Gosched()
							return nil
						},
					})
				}
				return probes, nil
			}})
			for range 3 {
				if err := prober.Tick(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Second)
			}
			got := l.take()
			if round == 0 {
				first = got
			}
			if diff := cmp.Diff(first, got); diff != "" || len(got) < 100 {
				t.Fatalf("round %d, %d lines (-want +got):\n%s", round, len(got), diff)
			}
		})
	}
}

// What a source has just listed is due as what was added is: at once only without Jitter.
// CheckNow runs it in any case.
func TestTickRunsWhatIsListedWhenItIsDue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			jitter float64
			round  func(*health.Prober, context.Context) error
			want   int
		}{"exact": {-1, (*health.Prober).Tick, 1}, "spread": {0, (*health.Prober).Tick, 0}, "now": {0, (*health.Prober).CheckNow, 1}} {
			checks := 0
			prober := newProber(t, health.Config{})
			add(t, prober, health.Probe{Name: "m", Interval: time.Hour, List: func(context.Context) ([]health.Probe, error) {
				return []health.Probe{{Name: "x", Jitter: test.jitter, Check: func(context.Context) error { checks++; return nil }}}, nil
			}})
			if err := test.round(prober, t.Context()); err != nil || checks != test.want {
				t.Errorf("%s: %d checks at first, %v", name, checks, err)
			}
			time.Sleep(5 * time.Second)
			if err := prober.Tick(t.Context()); err != nil || checks != 1 {
				t.Errorf("%s: %d checks after 5s, %v", name, checks, err)
			}
		}
	})
}

// What was cancelled counts for nothing.
func TestTickIsCancelled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes, Concurrency: 1})
		for i := range 3 {
			add(t, prober, health.Probe{Name: fmt.Sprint(i), FailureThreshold: 1, Check: l.logged(fmt.Sprint(i), obey)})
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errSick)
		defer cancel()
		if err := prober.Tick(ctx); !errors.Is(err, errSick) {
			t.Errorf("Tick returned %v", err)
		}
		l.want(t, "0s 0")
		if err := prober.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.want(t, "1s 1", "6s 2", "11s 1 unknown>unhealthy 1", "11s 2 unknown>unhealthy 1")
	})
}

// All of them are checked, due or not, and it waits for the results.
func TestCheckNow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{Concurrency: 2})
		for i := range 4 {
			add(t, prober, health.Probe{Name: fmt.Sprint(i), InitialDelay: time.Hour, Check: func(context.Context) error {
				time.Sleep(time.Second)
				l.add("%d", i)
				return nil
			}})
		}
		add(t, prober, health.Probe{Name: "passive"}, health.Probe{Name: "c:boot", Kind: health.Startup, InitialDelay: 2 * time.Hour, Check: script("-")}, health.Probe{Name: "c:held", Check: script("+")})
		check := func() {
			t.Helper()
			if err := prober.CheckNow(t.Context()); err != nil {
				t.Error(err)
			}
		}
		check() // not served
		l.want(t, "1s 0", "1s 1", "2s 2", "2s 3")
		stop := serve(t, prober)
		synctest.Wait()
		check()
		l.want(t, "3s 0", "3s 1", "4s 2", "4s 3")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := prober.CheckNow(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("CheckNow that was given up: %v", err)
		}
		_ = stop()
		empty := newProber(t, health.Config{})
		serve(t, empty)
		synctest.Wait()
		if err := empty.CheckNow(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestCheckNowIsCutShort if Serve ends while the check runs: there is no result.
func TestCheckNowIsCutShort(t *testing.T) {
	for _, obeys := range []bool{true, false} {
		t.Run(fmt.Sprint(obeys), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				release := make(chan struct{})
				check := hang(release)
				if obeys {
					check = func(ctx context.Context) error {
						<-ctx.Done()
						return ctx.Err()
					}
				}
				prober := newProber(t, health.Config{})
				add(t, prober, health.Probe{Name: "slow", InitialDelay: time.Hour, Check: check})
				stop := serve(t, prober)
				synctest.Wait()
				asked := make(chan error, 1)
				go func() { asked <- prober.CheckNow(t.Context()) }()
				synctest.Wait()
				_ = stop()
				if err := <-asked; err == nil {
					t.Error("there is no result, and CheckNow says that there is")
				}
				close(release)
			})
		})
	}
}

// Who asks for a check when Serve has given its last answers waits for nothing of it.
func TestCheckNowAtTheEndOfServe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var prober *health.Prober
		asked := make(chan error, 1)
		prober = newProber(t, health.Config{Logger: slog.New(loggedBy(func(message string) {
			if message != "health checks ignore that their context is done" {
				return
			}
			go func() { asked <- prober.CheckNow(t.Context()) }()
			time.Sleep(time.Second) // Serve is held up
		}))})
		checks := 0
		add(t, prober, health.Probe{Name: "hangs", Check: hang(release)},
			health.Probe{Name: "idle", Interval: time.Hour, Check: func(context.Context) error { checks++; return nil }})
		stop := serve(t, prober)
		time.Sleep(time.Second)
		_ = stop()
		if err := <-asked; err != nil || checks != 2 {
			t.Errorf("%d checks, %v", checks, err)
		}
	})
}

// loggedBy is a handler that calls itself with each message.
type loggedBy func(message string)

func (f loggedBy) Enabled(context.Context, slog.Level) bool { return true }
func (f loggedBy) WithAttrs([]slog.Attr) slog.Handler       { return f }
func (f loggedBy) WithGroup(string) slog.Handler            { return f }

func (f loggedBy) Handle(_ context.Context, r slog.Record) error { //nolint:gocritic // that is the interface
	f(r.Message)
	return nil
}
