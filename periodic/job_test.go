package periodic_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
	"github.com/tend-go/tend/periodic"
	"github.com/tend-go/tend/tendtest"
)

var (
	errRun   = errors.New("disk full")
	errStop  = errors.New("operator said so")
	silently = slog.New(slog.DiscardHandler)
)

// plain writes a log without times.
func plain(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// timeline is what happened when, since the start of a test.
type timeline struct {
	mu    sync.Mutex
	start time.Time
	lines []string
}

func newTimeline() *timeline { return &timeline{start: time.Now()} }

func (l *timeline) add(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf("%s@%s", what, said.Setting(time.Since(l.start))))
}

func (l *timeline) want(t *testing.T, lines string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := cmp.Diff(strings.Fields(lines), l.lines); d != "" {
		t.Errorf("timeline (-want +got):\n%s", d)
	}
}

// job is a job that writes its runs to l.
func job(l *timeline, name string, interval time.Duration) *periodic.Job {
	return &periodic.Job{Name: name, Interval: interval, Logger: silently, Run: func(context.Context) error {
		l.add(name)
		return nil
	}}
}

// taking makes each run of a job last for d.
func taking(d time.Duration, j *periodic.Job) *periodic.Job {
	run := j.Run
	j.Run = func(ctx context.Context) error {
		err := run(ctx)
		pause(ctx, d)
		return err
	}
	return j
}

// pause waits for d or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// at calls f when the test has lasted for d.
func at(d time.Duration, f func()) { time.AfterFunc(d, f) }

// serve serves jobs for d and checks that the stop ends them at once. They start
// in order.
func serve(t *testing.T, d time.Duration, jobs ...*periodic.Job) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, j := range jobs {
		wg.Go(func() {
			if err := j.Serve(ctx); err != errStop {
				t.Errorf("Serve of %v returned %v", j, err)
			}
		})
		synctest.Wait()
	}
	time.Sleep(d)
	cancel(errStop)
	stopped := time.Now()
	wg.Wait()
	if late := time.Since(stopped); late != 0 {
		t.Errorf("the stop took %v", late)
	}
}

func TestInterval(t *testing.T) {
	for _, c := range []struct {
		name string
		job  func(l *timeline) *periodic.Job
		want string
	}{
		{
			name: "from start to start",
			job:  func(l *timeline) *periodic.Job { return taking(7*time.Second, job(l, "a", 10*time.Second)) },
			want: "a@0s a@10s a@20s a@30s a@40s a@50s",
		},
		{
			name: "a run that lasts longer: the next one at once, none made up for",
			job: func(l *timeline) *periodic.Job {
				n, j := 0, job(l, "a", 10*time.Second)
				run := j.Run
				j.Run = func(ctx context.Context) error {
					if n++; n == 2 {
						defer time.Sleep(25 * time.Second)
					}
					return run(ctx)
				}
				return j
			},
			want: "a@0s a@10s a@35s a@40s a@50s",
		},
		{
			name: "initial delay",
			job: func(l *timeline) *periodic.Job {
				j := job(l, "a", 10*time.Second)
				j.InitialDelay = 15 * time.Second
				return j
			},
			want: "a@15s a@25s a@35s a@45s a@55s",
		},
		{
			name: "rest",
			job: func(l *timeline) *periodic.Job {
				j := taking(8*time.Second, job(l, "a", 10*time.Second))
				j.Rest = 4 * time.Second
				return j
			},
			want: "a@0s a@12s a@24s a@36s a@48s",
		},
		{
			name: "rest that the interval leaves anyway",
			job: func(l *timeline) *periodic.Job {
				j := taking(3*time.Second, job(l, "a", 20*time.Second))
				j.Rest = 4 * time.Second
				return j
			},
			want: "a@0s a@20s a@40s",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTimeline()
				serve(t, 59*time.Second, c.job(l))
				l.want(t, c.want)
			})
		})
	}
}

// Whole days in a moment.
func TestIntervalForAWeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		j := &periodic.Job{Interval: time.Minute, Run: func(context.Context) error { n++; return nil }}
		serve(t, 7*24*time.Hour-1, j)
		if n != 7*24*60 {
			t.Errorf("%d runs in a week", n)
		}
	})
}

// Jitter adds up to its part, anew for each turn; a week of runs uses the range.
func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gaps []time.Duration
		last := time.Now()
		j := &periodic.Job{Interval: time.Minute, Jitter: 0.5, InitialSpread: time.Hour, Run: func(context.Context) error {
			gaps = append(gaps, time.Since(last))
			last = time.Now()
			return nil
		}}
		serve(t, 7*24*time.Hour, j)
		if gaps[0] < 0 || gaps[0] >= time.Hour {
			t.Errorf("the first run was after %v", gaps[0])
		}
		least, most := time.Duration(math.MaxInt64), time.Duration(0)
		for _, g := range gaps[1:] {
			least, most = min(least, g), max(most, g)
		}
		if least < 60*time.Second || least > 61*time.Second || most < 89*time.Second || most >= 90*time.Second {
			t.Errorf("gaps from %v to %v, want 1m to 1m30s", least, most)
		}
	})
}

// The schedule outlives Serve: a restart is neither a run nor another initial
// delay, it puts nothing off, and an interval that was set stays.
func TestScheduleOutlivesServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		j := job(l, "a", time.Hour)
		j.InitialDelay = 5 * time.Second
		j.SetInterval(20 * time.Second)
		serve(t, 3*time.Second, j)   // before the first run
		serve(t, 10*time.Second, j)  // 3 … 13
		serve(t, 17*time.Second, j)  // 13 … 30
		time.Sleep(40 * time.Second) // over the turns of 45 and 65
		serve(t, 25*time.Second, j)  // 70 … 95
		l.want(t, "a@5s a@25s a@1m10s a@1m25s")
	})
}

// A job in a subtree that is started again every minute, as one that always fails
// is: the first turn comes all the same, after the delay that was drawn once, and
// only once.
func TestTheFirstTurnOutlivesServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		j := job(l, "a", 24*time.Hour)
		j.InitialDelay, j.InitialSpread = 90*time.Second, 10*time.Minute
		for range 24 * 60 {
			serve(t, time.Minute, j)
		}
		if len(l.lines) != 1 {
			t.Errorf("%d runs in a day: %v", len(l.lines), l.lines)
		}
	})
}

// It is not the end of a row of failures, either.
func TestFailuresInARowOutliveServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &periodic.Job{Name: "a", Interval: time.Minute, MaxFailures: 3, Logger: silently, Run: func(context.Context) error { return errRun }}
		serve(t, 30*time.Second, j)
		serve(t, time.Minute, j)
		began := time.Now()
		if err := j.Serve(t.Context()); !errors.Is(err, errRun) || !strings.Contains(err.Error(), "3 times in a row") {
			t.Errorf("got %v", err)
		}
		equal(t, time.Since(began), 30*time.Second)
	})
}

// A start that comes late, for whatever reason, does not put off the turns after it:
// they stay where the schedule has them, so that also a fleet whose jobs all came
// late at the same time does not stay in step.
func TestALateStartDoesNotPutOffTheTurnsAfterIt(t *testing.T) {
	for _, c := range []struct {
		name string
		job  func(t *testing.T, j *periodic.Job)
		want string
	}{
		{"a run that lasts longer than the interval", func(_ *testing.T, j *periodic.Job) {
			n, run := 0, j.Run
			j.Run = func(ctx context.Context) error {
				if n++; n == 2 {
					defer time.Sleep(14 * time.Second) // until 24s, over the turn of 20s
				}
				return run(ctx)
			}
		}, "a@0s a@10s a@24s a@30s a@40s a@50s"},
		{"a rest", func(_ *testing.T, j *periodic.Job) {
			n, run := 0, j.Run
			j.Rest = 5 * time.Second
			j.Run = func(ctx context.Context) error {
				if n++; n == 2 {
					defer time.Sleep(8 * time.Second)
				}
				return run(ctx)
			}
		}, "a@0s a@10s a@23s a@30s a@40s a@50s"},
		{"a gate", func(t *testing.T, j *periodic.Job) {
			other := &periodic.Job{Name: "b", Interval: time.Hour, Run: func(context.Context) error { return nil }}
			(&periodic.Gate{MinGap: 7 * time.Second}).Join(other, j)
			at(8*time.Second, func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				other.Trigger()
				_ = other.Serve(ctx)
			})
		}, "a@0s a@15s a@20s a@30s a@40s a@50s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTimeline()
				j := job(l, "a", 10*time.Second)
				c.job(t, j)
				serve(t, 59*time.Second, j)
				l.want(t, c.want)
			})
		})
	}
}

func TestTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		j := taking(2*time.Second, job(l, "a", 20*time.Second))
		j.InitialDelay = 15 * time.Second
		j.Rest = 5 * time.Second
		at(4*time.Second, j.Trigger)  // in the initial delay
		at(5*time.Second, j.Trigger)  // while it runs: at 6s, without a rest
		at(10*time.Second, j.Trigger) // while it waits
		serve(t, 55*time.Second, j)
		l.want(t, "a@4s a@6s a@10s a@30s a@50s")
	})
}

// What was asked for before Serve, between two of them or by Run itself is not lost.
func TestTriggerWhileNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		j := job(l, "a", time.Hour)
		j.InitialDelay = time.Hour
		j.Trigger()
		serve(t, time.Second, j)
		j.Trigger()
		time.Sleep(time.Second)
		run := j.Run
		again := true
		j.Run = func(ctx context.Context) error {
			if again {
				j.Trigger()
			}
			again = false
			return run(ctx)
		}
		serve(t, time.Second, j)
		l.want(t, "a@0s a@2s a@2s")
	})
}

func TestSetIntervalMovesTheRunThatIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(j *periodic.Job)
		want string
	}{
		{"shorter", func(j *periodic.Job) {
			at(15*time.Second, func() { j.SetInterval(7 * time.Second) }) // since 10s: due at 17s
		}, "a@0s a@10s a@17s a@24s a@31s a@38s"},
		{"so short that the turn was before now", func(j *periodic.Job) {
			at(15*time.Second, func() { j.SetInterval(4 * time.Second) })
		}, "a@0s a@10s a@15s a@19s a@23s a@27s a@31s a@35s a@39s"},
		{"longer", func(j *periodic.Job) {
			at(15*time.Second, func() { j.SetInterval(25 * time.Second) })
		}, "a@0s a@10s a@35s"},
		{"there and back", func(j *periodic.Job) {
			at(13*time.Second, func() { j.SetInterval(time.Hour) })
			at(15*time.Second, func() { j.SetInterval(time.Millisecond); j.SetInterval(10 * time.Second) })
		}, "a@0s a@10s a@20s a@30s"},
		{"to what makes no sense", func(j *periodic.Job) {
			at(15*time.Second, func() { j.SetInterval(0); j.SetInterval(-time.Second) })
		}, "a@0s a@10s a@20s a@30s"},
		{"while a turn is due already: what is late stays late", func(j *periodic.Job) {
			n, run := 0, j.Run
			j.Run = func(ctx context.Context) error {
				defer j.SetInterval(10 * time.Second)
				if n++; n == 1 {
					defer time.Sleep(17 * time.Second)
				}
				return run(ctx)
			}
		}, "a@0s a@17s a@20s a@30s"},
		{"before Serve", func(j *periodic.Job) { j.SetInterval(15 * time.Second) }, "a@0s a@15s a@30s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTimeline()
				j := job(l, "a", 10*time.Second)
				c.set(j)
				serve(t, 39500*time.Millisecond, j)
				l.want(t, c.want)
			})
		})
	}
}

// What makes no sense is not obeyed in silence.
func TestSetIntervalToWhatMakesNoSenseIsLogged(t *testing.T) {
	for _, d := range []time.Duration{0, -time.Second} {
		var out bytes.Buffer
		j := &periodic.Job{Name: "a", Interval: time.Minute, Logger: slog.New(slog.NewTextHandler(&out, nil))}
		j.SetInterval(d)
		if want := fmt.Sprintf("level=WARN msg=\"interval of a periodic job ignored\" job=a interval=%v\n", d); !strings.HasSuffix(out.String(), want) {
			t.Errorf("log is %q, want %s", out.String(), want)
		}
	}
}

// As an agent does when the server's answer says when to report next.
func TestRunMaySetItsOwnInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		j := job(l, "a", time.Hour)
		run, n := j.Run, 0
		j.Run = func(ctx context.Context) error {
			n++
			j.SetInterval(time.Duration(n) * time.Minute)
			return run(ctx)
		}
		serve(t, 12*time.Minute, j)
		l.want(t, "a@0s a@1m a@3m a@6m a@10m")
	})
}

// A thousand goroutines trigger while a run is under way.
func TestAStormOfTriggersMakesOneMoreRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		j := taking(2*time.Second, job(l, "a", time.Hour))
		storm := func() {
			for range 1000 {
				go j.Trigger()
				go j.SetInterval(30 * time.Minute)
			}
		}
		at(10*time.Second, j.Trigger)
		at(11*time.Second, storm)
		at(11500*time.Millisecond, storm)
		serve(t, 40*time.Minute, j)
		l.want(t, "a@0s a@10s a@12s a@30m12s")
	})
}

// Storms while it is served, for the race detector.
func TestRunsNeverOverlapAndNoTriggerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, runs atomic.Int32
		j := &periodic.Job{Interval: time.Millisecond, Run: func(ctx context.Context) error {
			if running.Add(1) != 1 {
				t.Error("two runs at once")
			}
			pause(ctx, time.Duration(rand.IntN(3000))*time.Microsecond)
			runs.Add(1)
			running.Add(-1)
			return nil
		}}
		for range 20 {
			at(0, func() {
				for range 100 {
					time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
					j.Trigger()
					j.SetInterval(time.Duration(1+rand.IntN(2000)) * time.Microsecond)
				}
			})
		}
		serve(t, time.Second, j)
		before := runs.Load()
		j.Trigger()
		serve(t, 10*time.Millisecond, j)
		if runs.Load() == before {
			t.Error("the last trigger was lost")
		}
	})
}

// The failure is the supervisor's, which starts the job again.
func TestAPanicIsOneFailureAndTheScheduleGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		j := job(l, "a", time.Minute)
		run, n := j.Run, 0
		j.Run = func(ctx context.Context) error {
			if n++; n%2 == 0 {
				l.add("panic")
				panic(errRun)
			}
			return run(ctx)
		}
		var failed []string
		s := tend.New("root", tend.Spec{EventHook: func(e tend.Event) {
			if f, ok := e.(tend.ServiceFailed); ok {
				failed = append(failed, fmt.Sprintf("%s: disk full %v, restarting %v", f.Service, errors.Is(f.Err, errRun), f.Restarting))
			}
		}})
		s.Add(j)
		ctx, cancel := context.WithCancel(t.Context())
		ended := s.ServeBackground(ctx)
		time.Sleep(5*time.Minute + time.Second)
		cancel()
		<-ended
		l.want(t, "a@0s panic@1m a@2m panic@3m a@4m panic@5m")
		equal(t, failed, []string{
			"a: disk full true, restarting true",
			"a: disk full true, restarting true",
			"a: disk full true, restarting true",
		})
	})
}

// --- failures

func TestFailuresAreLoggedAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		n := 0
		j := &periodic.Job{
			Name: "a", Interval: time.Second, MaxFailures: 3,
			Logger: plain(&out),
			Run: func(context.Context) error {
				if n++; n%3 == 0 {
					return nil
				}
				return errRun
			},
		}
		serve(t, 4500*time.Millisecond, j) // 5 runs, never three failures in a row
		want := strings.TrimLeft(`
level=WARN msg="periodic job failed" job=a failures=1 error="disk full"
level=WARN msg="periodic job failed" job=a failures=2 error="disk full"
level=INFO msg="periodic job recovered" job=a failures=2
level=WARN msg="periodic job failed" job=a failures=1 error="disk full"
level=WARN msg="periodic job failed" job=a failures=2 error="disk full"
`, "\n")
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Errorf("log (-want +got):\n%s", d)
		}
	})
}

// That Serve has given up in the meantime makes no failure forgotten, for the log.
func TestAJobThatWasGivenUpRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		n := 0
		j := &periodic.Job{Name: "a", Interval: time.Second, MaxFailures: 2, Logger: plain(&out), Run: func(context.Context) error {
			if n++; n <= 4 {
				return errRun
			}
			return nil
		}}
		for range 2 {
			if err := j.Serve(t.Context()); !errors.Is(err, errRun) {
				t.Errorf("got %v", err)
			}
		}
		serve(t, time.Minute, j)
		want := strings.TrimLeft(`
level=WARN msg="periodic job failed" job=a failures=1 error="disk full"
level=WARN msg="periodic job failed" job=a failures=2 error="disk full"
level=WARN msg="periodic job failed" job=a failures=3 error="disk full"
level=WARN msg="periodic job failed" job=a failures=4 error="disk full"
level=INFO msg="periodic job recovered" job=a failures=4
`, "\n")
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Errorf("log (-want +got):\n%s", d)
		}
	})
}

// What the tree may not tell of an error a job does not log either.
func TestFailuresAreLoggedAsTheTreeTellsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		j := &periodic.Job{
			Name: "a", Interval: time.Second, Logger: slog.New(slog.NewTextHandler(&out, nil)),
			Run: func(context.Context) error { return errRun },
		}
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}, Redact: func(text string) string {
			return strings.ReplaceAll(text, errRun.Error(), "***")
		}})
		s.Add(j)
		done := s.ServeBackground(t.Context())
		time.Sleep(1500 * time.Millisecond)
		s.Stop()
		<-done
		if text := out.String(); strings.Contains(text, errRun.Error()) || !strings.Contains(text, "error=***") {
			t.Error(text)
		}
	})
}

// What a supervisor's status says of a job.
func TestAnnotations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		j := &periodic.Job{Name: "a", Interval: time.Minute, Logger: silently, Run: func(context.Context) error {
			if n++; n <= 2 {
				return errRun
			}
			return nil
		}}
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(j)
		ctx, cancel := context.WithCancel(t.Context())
		ended := s.ServeBackground(ctx)
		start := time.Now()
		var got []string
		for range 3 {
			time.Sleep(50 * time.Second)
			notes := map[string]string{}
			for _, a := range s.Status().Services[0].Annotations {
				notes[a.Key] = a.Value.String()
				if a.Key == "next_run" {
					notes[a.Key] = said.Setting(a.Value.Time().Sub(start))
				}
			}
			got = append(got, fmt.Sprint(notes))
		}
		equal(t, got, []string{
			"map[failures:1 last_error:disk full next_run:1m]",
			"map[failures:2 last_error:disk full next_run:2m]",
			"map[failures:0 last_error:disk full next_run:3m]",
		})
		cancel()
		<-ended
	})
}

// A service's notes are those of its run, and a job's failures are not.
func TestAJobThatIsStartedAgainNotesItsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &periodic.Job{Name: "a", Interval: time.Minute, Logger: silently, Run: func(context.Context) error { return errRun }}
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		token := s.Add(j)
		ctx, cancel := context.WithCancel(t.Context())
		ended := s.ServeBackground(ctx)
		time.Sleep(90 * time.Second)
		if err := s.Restart(token, nil); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		var failures int64
		for _, a := range s.Status().Services[0].Annotations {
			if a.Key == "failures" {
				failures = a.Value.Int64()
			}
		}
		equal(t, failures, 2)
		cancel()
		<-ended
	})
}

func TestMaxFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		j := job(l, "a", 10*time.Second)
		run := j.Run
		j.Run = func(ctx context.Context) error { return errors.Join(run(ctx), errRun) }
		j.MaxFailures = 3
		for range 2 { // after as many more again, and it goes on with the schedule
			err := j.Serve(t.Context())
			if want := "tend/periodic: a failed 3 times in a row: disk full"; fmt.Sprint(err) != want || !errors.Is(err, errRun) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
		l.want(t, "a@0s a@10s a@20s a@30s a@40s a@50s")
	})
}

// The last word of a run is the last word of the job.
func TestRunEndsTheJob(t *testing.T) {
	for _, last := range []error{tend.ErrDoNotRestart, tend.ErrTerminateTree} {
		synctest.Test(t, func(t *testing.T) {
			j := &periodic.Job{Interval: time.Second, Run: func(context.Context) error { return fmt.Errorf("no more: %w", last) }}
			if err := j.Serve(t.Context()); !errors.Is(err, last) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		j := job(l, "a", 10*time.Second)
		j.Timeout = 3 * time.Second
		j.MaxFailures = 2
		run := j.Run
		j.Run = func(ctx context.Context) error {
			_ = run(ctx)
			<-ctx.Done()
			l.add("end")
			return context.Cause(ctx)
		}
		err := j.Serve(t.Context())
		if want := "tend/periodic: a failed 2 times in a row: tend/periodic: a ran for longer than 3s: context deadline exceeded"; fmt.Sprint(err) != want {
			t.Errorf("got %v", err)
		}
		l.want(t, "a@0s end@3s a@10s end@13s")
	})
}

// TestHelpersAreNotExcusedByATimeoutThatIsFar: what ends their context is the service's own.
func TestHelpersAreNotExcusedByATimeoutThatIsFar(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			j := &periodic.Job{Name: "a", Interval: time.Minute, Timeout: timeout, Run: func(ctx context.Context) error {
				tend.Go(ctx, func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				})
				<-ctx.Done()
				time.Sleep(time.Second)
				return nil
			}}
			root, tape := tend.New("root", tend.Spec{}), tendtest.NewTape(t)
			root.AddHook(tape.Hook)
			root.Add(tend.Func("s", func(ctx context.Context) error {
				own, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				_ = j.Serve(own)
				<-ctx.Done() // the helper's failure is what ends it
				return nil
			}))
			done := root.ServeBackground(t.Context())
			time.Sleep(2500 * time.Millisecond)
			root.Stop()
			<-done
			synctest.Wait()
			tape.WantAmong("2s root/s service failed err=DeadlineExceeded ran=2s count=1")
		})
	}
}

// TestHelpersOfALateRunObey: it is one of the failures that a job may have.
func TestHelpersOfALateRunObey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		j := &periodic.Job{Name: "a", Interval: 10 * time.Second, Timeout: 3 * time.Second, Run: func(ctx context.Context) error {
			runs++
			tend.Go(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			})
			<-ctx.Done()
			time.Sleep(time.Second)
			return context.Cause(ctx)
		}}
		root, tape := tend.New("root", tend.Spec{}), tendtest.NewTape(t)
		root.AddHook(tape.Hook)
		root.Add(j)
		done := root.ServeBackground(t.Context())
		time.Sleep(time.Minute - time.Second)
		root.Stop()
		if err := <-done; err != nil || runs != 6 {
			t.Errorf("%d runs, %v", runs, err)
		}
		synctest.Wait()
		tape.Want("0s root supervisor started services=1", "0s root/a service started",
			"59s root supervisor stopping cause=ErrStopped", "59s root/a service ended err=ErrStopped cause=ErrStopped", "59s root supervisor stopped cause=ErrStopped")
	})
}

// A success is one, whatever has been asked for in the meantime.
func TestASuccessDuringAStopEndsTheFailuresInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		j := &periodic.Job{Interval: time.Second, Logger: silently, MaxFailures: 3, Run: func(ctx context.Context) error {
			switch n++; n {
			case 1, 2, 4:
				return errRun
			case 3:
				<-ctx.Done()
			}
			return nil
		}}
		serve(t, 5*time.Second, j) // until the third run
		serve(t, 5*time.Second, j)
		if n < 5 {
			t.Errorf("%d runs", n)
		}
	})
}

// Of what a run returns after the stop Serve keeps back only that it was stopped.
func TestWhatARunReturnsAfterAStop(t *testing.T) {
	lastWord := errors.Join(errStop, tend.ErrDoNotRestart)
	for _, c := range []struct{ returns, want error }{
		{nil, errStop},
		{context.Canceled, errStop},
		{fmt.Errorf("half of it: %w", errStop), errStop},
		{errRun, errRun},
		{tend.ErrDoNotRestart, tend.ErrDoNotRestart},
		{tend.ErrTerminateTree, tend.ErrTerminateTree},
		{lastWord, lastWord},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			j := &periodic.Job{Interval: time.Second, MaxFailures: 1, Run: func(ctx context.Context) error {
				<-ctx.Done()
				return c.returns
			}}
			at(time.Minute, func() { cancel(errStop) })
			if err := j.Serve(ctx); err != c.want {
				t.Errorf("of %v Serve made %v", c.returns, err)
			}
		})
	}
}

// As of any service, what is news at the stop is told, and costs no budget.
func TestTheTreeTellsWhatFailsDuringAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		s := tend.New("root", tend.Spec{EventHook: func(e tend.Event) {
			if e, is := e.(tend.ServiceEnded); is {
				told = append(told, fmt.Sprintf("%v, unclean %v, %v", e.Err, e.Unclean, e.Next))
			}
		}})
		token := s.Add(&periodic.Job{Interval: time.Second, MaxFailures: 1, Run: func(ctx context.Context) error {
			<-ctx.Done()
			return errRun
		}})
		done := s.ServeBackground(t.Context())
		time.Sleep(time.Second)
		if err := s.Restart(token, nil); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		equal(t, told, []string{"disk full, unclean true, pending"})
		s.Stop()
		<-done
	})
}

// A run that was cut short by the stop has not failed.
func TestStopIsNotAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &periodic.Job{Interval: time.Second, MaxFailures: 1, Run: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		serve(t, time.Minute, j)
	})
}

func TestServeOfADoneContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errStop)
		j := &periodic.Job{Interval: time.Second, Run: func(context.Context) error { t.Error("it ran"); return nil }}
		j.Trigger()
		if err := j.Serve(ctx); err != errStop {
			t.Errorf("got %v", err)
		}
	})
}

func TestGoexitOfRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		j := job(l, "a", 10*time.Second)
		run := j.Run
		j.Run = func(ctx context.Context) error { _ = run(ctx); runtime.Goexit(); return nil }
		go func() { _ = j.Serve(t.Context()) }()
		synctest.Wait()
		j.Run = run
		serve(t, 15*time.Second, j)
		l.want(t, "a@0s a@10s")
	})
}

// --- bad input

func TestValidate(t *testing.T) {
	ok := func(context.Context) error { t.Error("it ran"); return nil }
	for want, j := range map[string]*periodic.Job{
		`Job "a": Interval is 0s`:             {Name: "a"},
		`Job "periodic job": Interval is -1s`: {Interval: -time.Second},
		`Job "a": Jitter is NaN`:              {Name: "a", Interval: 1, Jitter: math.NaN()},
		`Job "a": Jitter is -0.5`:             {Name: "a", Interval: 1, Jitter: -0.5},
		`Job "a": Jitter is 20`:               {Name: "a", Interval: 1, Jitter: 20}, // of 100, somebody thought
		`Job "a": Jitter is 1.01`:             {Name: "a", Interval: 1, Jitter: 1.01},
		`Job "a": Rest is -1s`:                {Name: "a", Interval: 1, Rest: -time.Second},
		`Job "a": InitialDelay is -1s`:        {Name: "a", Interval: 1, InitialDelay: -time.Second},
		`Job "a": InitialSpread is -1s`:       {Name: "a", Interval: 1, InitialSpread: -time.Second},
		`Job "a": Timeout is -1s`:             {Name: "a", Interval: 1, Timeout: -time.Second},
		`Job "a": MaxFailures is -1`:          {Name: "a", Interval: 1, MaxFailures: -1},
	} {
		j.Run = ok
		if err := j.Serve(t.Context()); err == nil || err.Error() != "tend/periodic: "+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func recovered(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func TestMisuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		served := job(newTimeline(), "a", time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		go func() { _ = served.Serve(ctx) }()
		synctest.Wait()
		joined := &periodic.Job{Name: "b"}
		new(periodic.Gate).Join(joined)
		for want, f := range map[string]func(){
			`Job "periodic job" has no Run`:               func() { _ = new(periodic.Job).Serve(ctx) },
			`Job "a" is being served already`:             func() { _ = served.Serve(ctx) },
			"Gate.Join: the job is nil":                   func() { new(periodic.Gate).Join(nil) },
			"Gate.MinGap is -1s":                          func() { (&periodic.Gate{MinGap: -time.Second}).Join() },
			`Gate.Join: job "a" is being served`:          func() { new(periodic.Gate).Join(served) },
			`Gate.Join: job "b" has joined a gate before`: func() { new(periodic.Gate).Join(joined) },
		} {
			if v := recovered(f); v != "tend/periodic: "+want {
				t.Errorf("recovered %v, want %s", v, want)
			}
		}
	})
}

func equal[T any](t *testing.T, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
