package lease_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/lease"
	"github.com/tend-go/tend/tendtest"
)

var (
	errStore = errors.New("store unreachable")
	errWork  = errors.New("work failed")
)

// log is a timeline: what happened when.
type log struct {
	mu    sync.Mutex
	start time.Time
	lines []string
}

func newLog() *log { return &log{start: time.Now()} }

func (l *log) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf("%v ", time.Since(l.start))+fmt.Sprintf(format, args...))
}

func (l *log) want(t *testing.T, lines ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := cmp.Diff(lines, l.lines); d != "" {
		t.Errorf("timeline (-want +got):\n%s", d)
	}
}

// clair is Clair's lock: 10 minutes, renewed every 2. What Renew answers the n-th
// time is up to renew.
func clair(l *log, renew func(ctx context.Context, n int) error) lease.Lease {
	n := 0
	return lease.Lease{
		TTL:   10 * time.Minute,
		Every: 2 * time.Minute,
		Renew: func(ctx context.Context) error {
			n++
			l.add("renew")
			return renew(ctx, n)
		},
		Release: func(ctx context.Context) error {
			l.add("release, %v", ctx.Err())
			return nil
		},
	}
}

func always(err error) func(context.Context, int) error {
	return func(context.Context, int) error { return err }
}

// workFor is work that ends after d with err, or with its context's cause.
func workFor(l *log, d time.Duration, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			l.add("done")
			return err
		case <-ctx.Done():
			l.add("stopped")
			return context.Cause(ctx)
		}
	}
}

func is(t *testing.T, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if target != nil && !errors.Is(err, target) {
			t.Errorf("%v is not %v", err, target)
		}
	}
}

func TestHold(t *testing.T) {
	for _, want := range []error{nil, errWork} {
		synctest.Test(t, func(t *testing.T) {
			l := newLog()
			if err := clair(l, always(nil)).Hold(t.Context(), workFor(l, 7*time.Minute, want)); err != want {
				t.Errorf("got %v, want %v", err, want)
			}
			l.want(t, "2m0s renew", "4m0s renew", "6m0s renew", "7m0s done", "7m0s release, <nil>")
		})
	}
}

// The lock may be held for as long as renewals succeed, also if each of them takes
// its time. The rhythm is from start to start.
func TestHoldForDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, n := newLog(), 0
		ls := lease.Lease{
			TTL:     10 * time.Minute,
			Renew:   func(context.Context) error { n++; time.Sleep(5 * time.Second); return nil },
			Release: func(context.Context) error { l.add("release after %d renewals", n); return nil },
		}
		if err := ls.Hold(t.Context(), workFor(l, 48*time.Hour+time.Minute, nil)); err != nil {
			t.Error(err)
		}
		l.want(t, "48h1m0s done", "48h1m0s release after 1440 renewals")
	})
}

// A renewal that fails is made again after Every; one success makes good for all
// failures, from the moment at which it began.
func TestRenewalRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		ls := clair(l, func(_ context.Context, n int) error {
			if n == 3 {
				time.Sleep(time.Minute) // begins at 6m, answers at 7m
				return nil
			}
			return errStore
		})
		err := ls.Hold(t.Context(), workFor(l, time.Hour, nil))
		is(t, err, lease.ErrLost, errStore)
		// Held from 6m on: lost at 6m + 10m − 2m.
		l.want(t, "2m0s renew", "4m0s renew", "6m0s renew", "8m0s renew", "10m0s renew", "12m0s renew",
			"14m0s stopped", "14m0s release, <nil>")
	})
}

// A Renew that hangs is cancelled after Every, so that the next one has a chance.
func TestRenewalHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		ls := clair(l, func(ctx context.Context, n int) error {
			if n == 3 {
				return nil
			}
			<-ctx.Done()
			l.add("gave up")
			return ctx.Err()
		})
		err := ls.Hold(t.Context(), workFor(l, 9*time.Minute, nil))
		if err != nil {
			t.Error(err)
		}
		l.want(t, "2m0s renew", "4m0s gave up", "4m0s renew", "6m0s gave up", "6m0s renew", "8m0s renew",
			"9m0s done", "9m0s gave up", "9m0s release, <nil>")
	})
}

// A Renew that ignores its context stops neither the notice of the loss nor, for
// more than 10 s, the release; and there is only one of it.
func TestRenewalIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		ls := clair(l, func(context.Context, int) error {
			time.Sleep(time.Hour)
			l.add("renewed, much too late")
			return nil
		})
		err := ls.Hold(t.Context(), workFor(l, time.Hour, nil))
		is(t, err, lease.ErrLost)
		synctest.Wait()
		time.Sleep(time.Hour)
		l.want(t, "2m0s renew", "8m0s stopped", "8m10s release, <nil>", "1h2m0s renewed, much too late")
	})
}

// A failure before the last success is not why the lock was lost.
func TestLossAfterRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := clair(newLog(), func(_ context.Context, n int) error {
			switch n {
			case 1:
				return errStore
			case 2:
				return nil
			}
			time.Sleep(9 * time.Minute)
			return nil
		})
		err := ls.Hold(t.Context(), workFor(newLog(), time.Hour, nil))
		if want := "tend/lease: the lock is lost: no renewal was answered"; fmt.Sprint(err) != want {
			t.Errorf("got  %v\nwant %v", err, want)
		}
		time.Sleep(time.Hour) // the last Renew ignored its context
	})
}

// Renew may know that the lock is gone; then the work is stopped at once.
func TestRenewalSaysLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		gone := fmt.Errorf("owner is now host-7: %w", lease.ErrLost)
		err := clair(l, always(gone)).Hold(t.Context(), workFor(l, time.Hour, nil))
		is(t, err, lease.ErrLost, gone)
		l.want(t, "2m0s renew", "2m0s stopped", "2m0s release, <nil>")
	})
}

// An answer at the moment at which the lock counts as lost is too late, whatever
// it is.
func TestRenewalAtTheDeadline(t *testing.T) {
	for _, answer := range []error{nil, errStore} {
		synctest.Test(t, func(t *testing.T) {
			l := newLog()
			answered := time.NewTimer(8 * time.Minute)
			ls := clair(l, func(context.Context, int) error {
				<-answered.C
				return answer
			})
			err := ls.Hold(t.Context(), workFor(l, time.Hour, nil))
			if want := "tend/lease: the lock is lost: no renewal was answered"; fmt.Sprint(err) != want {
				t.Errorf("got  %v\nwant %v", err, want)
			}
			l.want(t, "2m0s renew", "8m0s stopped", "8m0s release, <nil>")
		})
	}
}

// Margin is how long before the end of the lock the work is told.
func TestMargin(t *testing.T) {
	for margin, want := range map[time.Duration]string{
		time.Second:     "9m59s stopped",
		0:               "8m0s stopped",
		5 * time.Minute: "5m0s stopped",
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLog()
			ls := clair(newLog(), always(errStore))
			ls.Margin = margin
			is(t, ls.Hold(t.Context(), workFor(l, time.Hour, nil)), lease.ErrLost)
			l.want(t, want)
		})
	}
}

// Work that fails while the lock is lost: both errors; work that succeeded
// nevertheless: still lost.
func TestResultOfLostWork(t *testing.T) {
	for _, c := range []struct {
		work error
		want string
	}{
		{nil, "tend/lease: the lock is lost: store unreachable"},
		{errWork, "tend/lease: the lock is lost: store unreachable: work failed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			err := clair(newLog(), always(errStore)).Hold(t.Context(), func(ctx context.Context) error {
				<-ctx.Done()
				return c.work
			})
			if fmt.Sprint(err) != c.want {
				t.Errorf("got  %v\nwant %v", err, c.want)
			}
			is(t, err, lease.ErrLost, errStore, c.work)
		})
	}
}

// TestHelpersOfLostWorkObey: Hold says what became of it.
func TestHelpersOfLostWorkObey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, tape := tend.New("root", tend.Spec{}), tendtest.NewTape(t)
		root.AddHook(tape.Hook)
		root.Add(tend.Func("clair", func(ctx context.Context) error {
			return clair(newLog(), always(errStore)).Hold(ctx, func(ctx context.Context) error {
				tend.Go(ctx, func(ctx context.Context) error {
					<-ctx.Done()
					return context.Cause(ctx)
				})
				<-ctx.Done()
				time.Sleep(time.Second)
				return errWork
			})
		}))
		done := root.ServeBackground(t.Context())
		time.Sleep(time.Hour)
		root.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		tape.WantAmong(`8m1s root/clair service failed err="tend/lease: the lock is lost: store unreachable: work failed" ran=8m1s count=1`)
	})
}

// TestHelpersAreNotExcusedByALock: what ends their context is the service's own.
func TestHelpersAreNotExcusedByALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, tape := tend.New("root", tend.Spec{}), tendtest.NewTape(t)
		root.AddHook(tape.Hook)
		root.Add(tend.Func("clair", func(ctx context.Context) error {
			own, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_ = clair(newLog(), always(nil)).Hold(own, func(ctx context.Context) error {
				tend.Go(ctx, func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				})
				<-ctx.Done()
				time.Sleep(time.Second)
				return nil
			})
			<-ctx.Done() // the helper's failure is what ends it
			return nil
		}))
		done := root.ServeBackground(t.Context())
		time.Sleep(2500 * time.Millisecond)
		root.Stop()
		<-done
		synctest.Wait()
		tape.WantAmong("2s root/clair service failed err=DeadlineExceeded ran=2s count=1")
	})
}

// The lock of 10 minutes is known to be lost after 8: two minutes before anybody
// else can have it, in the middle of whatever the work is doing.
func TestTheLossIsKnownBeforeTheLockEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		err := clair(l, always(errStore)).Hold(t.Context(), workFor(l, time.Hour, nil))
		is(t, err, lease.ErrLost, errStore)
		l.want(t, "2m0s renew", "4m0s renew", "6m0s renew", "8m0s stopped", "8m0s release, <nil>")
	})
}

// Nobody can stop it.
func TestWorkThatIgnoresTheLossIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		err := clair(l, always(errStore)).Hold(t.Context(), func(ctx context.Context) error {
			time.Sleep(time.Hour)
			l.add("done, %v", errors.Is(context.Cause(ctx), lease.ErrLost))
			return nil
		})
		is(t, err, lease.ErrLost)
		l.want(t, "2m0s renew", "4m0s renew", "6m0s renew", "1h0m0s done, true", "1h0m0s release, <nil>")
	})
}

// --- a bound

// The work is told when it has had the lock for MaxHold, and that lock is not
// renewed any more: if the work hangs it ends by itself, for others to have.
func TestMaxHold(t *testing.T) {
	for _, c := range []struct {
		name  string
		bound time.Duration
		renew error
		hangs bool
		want  []string
		why   string
	}{
		{
			"work that listens", 5 * time.Minute, nil, false,
			[]string{"2m0s renew", "4m0s renew", "5m0s stopped", "5m0s release, <nil>"},
			"MaxHold 5m0s is over: context deadline exceeded",
		},
		{
			"work that hangs", 5 * time.Minute, nil, true,
			[]string{"2m0s renew", "4m0s renew", "1h0m0s done", "1h0m0s release, <nil>"},
			"MaxHold 5m0s is over: context deadline exceeded",
		},
		{
			"at the moment of a renewal", 4 * time.Minute, nil, false,
			[]string{"2m0s renew", "4m0s stopped", "4m0s release, <nil>"},
			"MaxHold 4m0s is over: context deadline exceeded",
		},
		{
			"lost before", 9 * time.Minute, errStore, false,
			[]string{"2m0s renew", "4m0s renew", "6m0s renew", "8m0s stopped", "8m0s release, <nil>"},
			"store unreachable",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLog()
				ls := clair(l, always(c.renew))
				ls.MaxHold = c.bound
				work := workFor(l, time.Hour, nil)
				err := ls.Hold(t.Context(), func(ctx context.Context) error {
					if c.hangs {
						ctx = context.WithoutCancel(ctx)
					}
					return work(ctx)
				})
				if want := "tend/lease: the lock is lost: " + c.why; fmt.Sprint(err) != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
				is(t, err, lease.ErrLost)
				if errors.Is(err, context.DeadlineExceeded) != (c.renew == nil) {
					t.Errorf("%v is DeadlineExceeded, or is not", err)
				}
				l.want(t, c.want...)
			})
		})
	}
}

// It counts from when the work begins, and cuts a renewal short that is under way.
func TestMaxHoldCountsFromTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		ls := clair(l, func(ctx context.Context, _ int) error {
			<-ctx.Done()
			l.add("gave up")
			return nil
		})
		ls.MaxHold = 90 * time.Second
		ls.Acquire = func(context.Context) error { time.Sleep(time.Minute); return nil }
		is(t, ls.Hold(t.Context(), func(ctx context.Context) error {
			<-ctx.Done()
			synctest.Wait()
			l.add("stopped")
			return context.Cause(ctx)
		}), lease.ErrLost, context.DeadlineExceeded)
		l.want(t, "2m0s renew", "2m30s gave up", "2m30s stopped", "2m30s release, <nil>")
	})
}

// --- acquire and release

// The time of the lock counts from before Acquire, since nobody knows when in the
// call the store set its clock.
func TestAcquire(t *testing.T) {
	for _, c := range []struct {
		took time.Duration
		want []string
	}{
		{time.Minute, []string{"1m0s acquired", "2m0s renew", "4m0s renew", "6m0s renew", "8m0s stopped", "8m0s release, <nil>"}},
		{5 * time.Minute, []string{"5m0s acquired", "5m0s renew", "7m0s renew", "8m0s stopped", "8m0s release, <nil>"}},
		{8 * time.Minute, []string{"8m0s acquired", "8m0s release, <nil>"}}, // too late to begin
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLog()
			ls := clair(l, always(errStore))
			ls.Acquire = func(context.Context) error {
				time.Sleep(c.took)
				l.add("acquired")
				return nil
			}
			is(t, ls.Hold(t.Context(), workFor(l, time.Hour, nil)), lease.ErrLost)
			l.want(t, c.want...)
		})
	}
}

func TestAcquireFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		ls := clair(l, always(nil))
		ls.Acquire = func(context.Context) error { return errStore }
		is(t, ls.Hold(t.Context(), workFor(l, time.Hour, nil)), errStore)
		l.want(t)
	})
}

// cutOff is an error such as that of a connection whose deadline is over.
type cutOff struct{}

func (cutOff) Error() string { return "i/o timeout" }
func (cutOff) Timeout() bool { return true }

// Acquire was cut off, and the store may have given the lock all the same: it is
// released. With any other error it is not, for it may be somebody else's.
func TestAcquireIsCutOff(t *testing.T) {
	cause := errors.New("operator said so")
	for name, c := range map[string]struct {
		acquire func(ctx context.Context) error
		is      error
		want    []string
	}{
		"by the stop":                           {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, context.Canceled, []string{"1m0s release, <nil>"}},
		"by the stop, which it says nothing of": {func(ctx context.Context) error { <-ctx.Done(); return errStore }, errStore, []string{"1m0s release, <nil>"}},
		"by a deadline of its own": {func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			<-ctx.Done()
			return fmt.Errorf("lock: %w", ctx.Err())
		}, context.DeadlineExceeded, []string{"1s release, <nil>"}},
		"by itself":             {func(context.Context) error { return context.Canceled }, context.Canceled, []string{"0s release, <nil>"}},
		"by a connection":       {func(context.Context) error { return fmt.Errorf("lock: %w", cutOff{}) }, cutOff{}, []string{"0s release, <nil>"}},
		"not at all: it failed": {func(context.Context) error { return errStore }, errStore, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Minute, func() { cancel(cause) })
				l := newLog()
				ls := clair(l, always(nil))
				ls.Acquire = c.acquire
				err := ls.Hold(ctx, workFor(l, time.Hour, nil))
				is(t, err, c.is)
				if !strings.HasPrefix(err.Error(), "tend/lease: acquire: ") {
					t.Errorf("got %v", err)
				}
				l.want(t, c.want...)
			})
		})
	}
}

// The release of a lock that may have been got fails, too.
func TestAcquireIsCutOffAndReleaseFails(t *testing.T) {
	ls := clair(newLog(), always(nil))
	ls.Acquire = func(context.Context) error { return cutOff{} }
	ls.Release = func(context.Context) error { return errStore }
	err := ls.Hold(t.Context(), workFor(newLog(), time.Hour, nil))
	var failed *lease.ReleaseError
	if !errors.As(err, &failed) || failed.Err != errStore {
		t.Errorf("got %v", err)
	}
	is(t, err, cutOff{})
}

// Nobody knows either what an Acquire had got that panics or ends its goroutine.
func TestPanicAndGoexitOfAcquire(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLog()
				ls := clair(l, always(nil))
				ls.Acquire = func(context.Context) error { end(); return nil }
				go func() {
					defer func() { l.add("recovered %v", recover()) }()
					_ = ls.Hold(t.Context(), workFor(l, time.Hour, nil))
				}()
				synctest.Wait()
				l.want(t, "0s release, <nil>", "0s recovered "+map[string]string{"panic": "boom", "Goexit": "<nil>"}[name])
			})
		})
	}
}

// A stop before the work: a lock that is held already is released, one that is
// not is not even acquired, and one that came with the stop is released again.
func TestStopBeforeTheWork(t *testing.T) {
	cause := errors.New("operator said so")
	for name, c := range map[string]struct {
		acquire func(cancel func(error)) error
		done    bool
		want    []string
	}{
		"held":         {nil, true, []string{"0s release, <nil>"}},
		"not acquired": {func(func(error)) error { panic("acquired") }, true, nil},
		"in between":   {func(cancel func(error)) error { cancel(cause); return nil }, false, []string{"0s release, <nil>"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if c.done {
					cancel(cause)
				}
				l := newLog()
				ls := clair(l, always(nil))
				if c.acquire != nil {
					ls.Acquire = func(context.Context) error { return c.acquire(cancel) }
				}
				is(t, ls.Hold(ctx, workFor(l, time.Hour, nil)), cause, context.Canceled)
				l.want(t, c.want...)
			})
		})
	}
}

// It has the values of the context that was cancelled.
func TestAfterAStopReleaseGetsALiveAndBoundedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		cause := errors.New("operator said so")
		ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "value"))
		time.AfterFunc(3*time.Minute, func() { cancel(cause) })
		l := newLog()
		ls := clair(l, always(nil))
		ls.Release = func(ctx context.Context) error {
			deadline, _ := ctx.Deadline()
			l.add("release with %v, %v, %v", ctx.Value(key{}), ctx.Err(), time.Until(deadline))
			<-ctx.Done()
			return ctx.Err()
		}
		err := ls.Hold(ctx, workFor(l, time.Hour, nil))
		is(t, err, cause, context.DeadlineExceeded)
		l.want(t, "2m0s renew", "3m0s stopped", "3m0s release with value, <nil>, 10s")
		if d := time.Since(l.start); d != 3*time.Minute+10*time.Second {
			t.Errorf("Hold took %v", d)
		}
	})
}

// The lock is renewed until the work returns.
func TestWorkThatIgnoresTheStopKeepsTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		l := newLog()
		renew := func(ctx context.Context, _ int) error { return ctx.Err() }
		err := clair(l, renew).Hold(ctx, func(context.Context) error {
			time.Sleep(9 * time.Minute)
			l.add("done")
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		l.want(t, "2m0s renew", "4m0s renew", "6m0s renew", "8m0s renew", "9m0s done", "9m0s release, <nil>")
	})
}

func TestReleaseFails(t *testing.T) {
	for _, work := range []error{nil, errWork} {
		synctest.Test(t, func(t *testing.T) {
			ls := clair(newLog(), always(nil))
			ls.Release = func(context.Context) error { return errStore }
			err := ls.Hold(t.Context(), workFor(newLog(), time.Minute, work))
			var failed *lease.ReleaseError
			if !errors.As(err, &failed) || failed.Err != errStore {
				t.Errorf("got %v", err)
			}
			is(t, err, errStore, work)
		})
	}
}

// --- panics

func recovered(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func TestPanicOfTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		v := recovered(func() {
			_ = clair(l, always(nil)).Hold(t.Context(), func(context.Context) error { panic("boom") })
		})
		if v != "boom" {
			t.Errorf("recovered %v", v)
		}
		l.want(t, "0s release, <nil>")
	})
}

func TestGoexitOfTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		go func() {
			_ = clair(l, always(nil)).Hold(t.Context(), func(context.Context) error { runtime.Goexit(); return nil })
		}()
		synctest.Wait()
		l.want(t, "0s release, <nil>")
	})
}

// A panic of Renew, in a goroutine that nobody can recover, becomes one of Hold:
// after the work was stopped and the lock released.
func TestPanicOfRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		v := recovered(func() {
			_ = clair(l, func(context.Context, int) error { panic(errStore) }).Hold(t.Context(), workFor(l, time.Hour, nil))
		})
		err, _ := v.(error)
		is(t, err, errStore)
		if p, is := v.(*tend.PanicError); !is || p.Value != errStore || !strings.Contains(p.Stack(), "TestPanicOfRenew.func1") {
			t.Errorf("recovered %v", v)
		}
		l.want(t, "2m0s renew", "2m0s stopped", "2m0s release, <nil>")
	})
}

// So does one that comes after the end of the work.
func TestPanicOfRenewAfterTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		v := recovered(func() {
			_ = clair(l, func(ctx context.Context, _ int) error { <-ctx.Done(); panic("boom") }).Hold(t.Context(), workFor(l, 3*time.Minute, nil))
		})
		if p, is := v.(*tend.PanicError); !is || p.Value != "boom" {
			t.Errorf("recovered %v", v)
		}
		l.want(t, "2m0s renew", "3m0s done", "3m0s release, <nil>")
	})
}

// What Renew returns is an answer, and no panic of its own, whatever it is an error of.
func TestAPanicThatRenewReturnsIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		broken := fmt.Errorf("a helper: %w", &tend.PanicError{Value: "boom"})
		err := clair(l, func(ctx context.Context, n int) error {
			switch n {
			case 1:
				return broken
			case 3:
				<-ctx.Done() // at the end of the work
				return broken
			}
			return nil
		}).Hold(t.Context(), workFor(l, 7*time.Minute, nil))
		if err != nil {
			t.Error(err)
		}
		l.want(t, "2m0s renew", "4m0s renew", "6m0s renew", "7m0s done", "7m0s release, <nil>")
	})
}

func TestGoexitOfRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		err := clair(l, func(context.Context, int) error { runtime.Goexit(); return nil }).Hold(t.Context(), workFor(l, time.Hour, nil))
		if !errors.Is(err, lease.ErrLost) || !strings.Contains(err.Error(), "Goexit") {
			t.Errorf("got %v", err)
		}
	})
}

// --- bad input

func TestValidate(t *testing.T) {
	for want, ls := range map[string]lease.Lease{
		"Lease.TTL is 0s":      {},
		"Lease.TTL is -1s":     {TTL: -time.Second},
		"Lease.Every is -1s":   {TTL: time.Minute, Every: -time.Second},
		"Lease.Margin is -1s":  {TTL: time.Minute, Margin: -time.Second},
		"Lease.MaxHold is -1s": {TTL: time.Minute, MaxHold: -time.Second},
		"Lease.Every 30s and Margin 30s leave no time to renew within TTL 1m0s": {TTL: time.Minute, Every: 30 * time.Second},
		"Lease.Every 12s and Margin 1m0s leave no time":                         {TTL: time.Minute, Margin: time.Minute},
		"Lease.Every 1ns and Margin 1ns leave no time":                          {TTL: 2},
	} {
		ls.Renew = func(context.Context) error { t.Error("Renew was called"); return nil }
		ls.Release = func(context.Context) error { t.Error("Release was called"); return nil }
		err := ls.Hold(t.Context(), func(context.Context) error { t.Error("f was called"); return nil })
		if err == nil || !strings.HasPrefix(err.Error(), "tend/lease: "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if err := (lease.Lease{TTL: time.Minute, Every: 29 * time.Second, Margin: 30 * time.Second}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestMissingFunctions(t *testing.T) {
	f := func(context.Context) error { return nil }
	for name, c := range map[string]struct {
		ls lease.Lease
		f  func(context.Context) error
	}{
		"f":       {lease.Lease{TTL: time.Minute, Renew: f, Release: f}, nil},
		"Renew":   {lease.Lease{TTL: time.Minute, Release: f}, f},
		"Release": {lease.Lease{TTL: time.Minute, Renew: f}, f},
	} {
		v := recovered(func() { _ = c.ls.Hold(t.Context(), c.f) })
		if want := "tend/lease: Hold: " + name + " is nil"; v != want {
			t.Errorf("recovered %v, want %v", v, want)
		}
	}
}
