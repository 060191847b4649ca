package retry_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/retry"
)

// exact is a schedule without jitter: 1 s, 2 s, 4 s, 8 s, 8 s …
var exact = tend.Backoff{Min: time.Second, Max: 8 * time.Second}

var errDown = errors.New("503 service unavailable")

// attempts calls retry with an f that records when it is called and returns
// what outcome says of the n-th call.
type attempts struct {
	start time.Time
	at    []string
}

func record() *attempts { return &attempts{start: time.Now()} }

func (a *attempts) f(outcome func(n int) error) func(context.Context) error {
	return func(context.Context) error {
		a.at = append(a.at, time.Since(a.start).String())
		return outcome(len(a.at))
	}
}

func always(err error) func(int) error { return func(int) error { return err } }

// failure is what tests compare of an Error.
type failure struct {
	Attempts int
	Elapsed  string
	Reason   string
	Err      string
}

func view(t *testing.T, err error) failure {
	t.Helper()
	var e *retry.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), want a *retry.Error", err, err)
	}
	return failure{e.Attempts, e.Elapsed.String(), fmt.Sprint(e.Reason), fmt.Sprint(e.Err)}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// The schedule of a Do without a limit: attempts at exact times until the first
// success, and nothing after it.
func TestDoFollowsTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := record()
		err := retry.Do(t.Context(), exact, a.f(func(n int) error {
			if n < 7 {
				return errDown
			}
			return nil
		}))
		if err != nil {
			t.Error(err)
		}
		equal(t, "attempts", a.at, []string{"0s", "1s", "3s", "7s", "15s", "23s", "31s"})
	})
}

func TestDoGivesUp(t *testing.T) {
	const slow = 20 * time.Second
	for _, c := range []struct {
		name    string
		policy  retry.Policy
		outcome func(n int) error
		at      []string
		want    failure
		is      error
	}{
		{
			name:    "limit in a row",
			policy:  retry.Policy{Backoff: tend.Backoff{Min: time.Second, Max: 8 * time.Second}, Limit: tend.Limit{N: 3}},
			outcome: always(errDown),
			at:      []string{"0s", "1s", "3s"},
			want:    failure{3, "3s", "too many failures", "503 service unavailable"},
			is:      retry.ErrLimit,
		},
		{
			name:    "limit of one",
			policy:  retry.Policy{Limit: tend.Limit{N: 1}},
			outcome: always(errDown),
			at:      []string{"0s"},
			want:    failure{1, "0s", "too many failures", "503 service unavailable"},
			is:      retry.ErrLimit,
		},
		{
			// What happened exactly Within ago still counts, as in the tree.
			name:    "limit in a window",
			policy:  retry.Policy{Backoff: tend.Backoff{Min: time.Second}, Limit: tend.Limit{N: 3, Within: 2 * time.Second}},
			outcome: always(errDown),
			at:      []string{"0s", "1s", "2s"},
			want:    failure{3, "2s", "too many failures", "503 service unavailable"},
			is:      retry.ErrLimit,
		},
		{
			name:    "window too short for the schedule, until the time is over",
			policy:  retry.Policy{Backoff: tend.Backoff{Min: time.Second, Max: 4 * time.Second}, Limit: tend.Limit{N: 3, Within: 2 * time.Second}, MaxElapsed: 12 * time.Second},
			outcome: always(errDown),
			at:      []string{"0s", "1s", "3s", "7s", "11s"},
			want:    failure{5, "11s", "out of time", "503 service unavailable"},
			is:      retry.ErrElapsed,
		},
		{
			name:    "elapsed, the last attempt exactly at its end",
			policy:  retry.Policy{Backoff: exact, MaxElapsed: 7 * time.Second},
			outcome: always(errDown),
			at:      []string{"0s", "1s", "3s", "7s"},
			want:    failure{4, "7s", "out of time", "503 service unavailable"},
			is:      retry.ErrElapsed,
		},
		{
			name:   "an attempt outlasts the time",
			policy: retry.Policy{Backoff: exact, MaxElapsed: 7 * time.Second},
			outcome: func(int) error {
				time.Sleep(slow)
				return retry.After(errDown, 0)
			},
			at:   []string{"0s"},
			want: failure{1, "20s", "out of time", "503 service unavailable"},
			is:   retry.ErrElapsed,
		},
		{
			name:   "a long attempt forgets the failures before it",
			policy: retry.Policy{Backoff: tend.Backoff{Min: time.Second, Max: 8 * time.Second, Reset: slow}, Limit: tend.Limit{N: 3}},
			outcome: func(n int) error {
				if n == 3 {
					time.Sleep(slow)
				}
				return fmt.Errorf("failure %d", n)
			},
			at:   []string{"0s", "1s", "3s", "24s", "26s"},
			want: failure{5, "26s", "too many failures", "failure 5"},
			is:   retry.ErrLimit,
		},
		{
			name:    "permanent, wrapped",
			policy:  retry.Policy{Backoff: exact},
			outcome: always(fmt.Errorf("sending: %w", retry.Permanent(errDown))),
			at:      []string{"0s"},
			want:    failure{1, "0s", "permanent failure", "sending: 503 service unavailable"},
			is:      retry.ErrPermanent,
		},
		{
			name:    "a service's last word",
			policy:  retry.Policy{Backoff: exact},
			outcome: always(fmt.Errorf("the queue is gone: %w", tend.ErrDoNotRestart)),
			at:      []string{"0s"},
			want:    failure{1, "0s", "permanent failure", "the queue is gone: " + tend.ErrDoNotRestart.Error()},
			is:      tend.ErrDoNotRestart,
		},
		{
			name:    "the end of the tree",
			policy:  retry.Policy{Backoff: exact},
			outcome: always(tend.ErrTerminateTree),
			at:      []string{"0s"},
			want:    failure{1, "0s", "permanent failure", tend.ErrTerminateTree.Error()},
			is:      tend.ErrTerminateTree,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := record()
				err := c.policy.Do(t.Context(), a.f(c.outcome))
				equal(t, "attempts", a.at, c.at)
				equal(t, "error", view(t, err), c.want)
				if !errors.Is(err, c.is) {
					t.Errorf("%v is not %v", err, c.is)
				}
			})
		})
	}
}

// Retry-After prolongs one wait, beyond Max; the schedule goes on as if it had not
// been there. It never shortens a wait: a server that says 0 to everybody would
// make a loop of Do.
func TestAfterProlongsTheScheduleAndNeverShortensIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := record()
		waits := map[int]time.Duration{1: 0, 2: time.Hour, 3: 0, 4: -time.Minute, 5: 5 * time.Second, 6: 9 * time.Second}
		err := retry.Do(t.Context(), exact, a.f(func(n int) error {
			if n == 8 {
				return nil
			}
			if d, ok := waits[n]; ok {
				return fmt.Errorf("wrapped: %w", retry.After(errDown, d))
			}
			return errDown
		}))
		if err != nil {
			t.Error(err)
		}
		equal(t, "attempts", a.at, []string{"0s", "1s", "1h0m1s", "1h0m5s", "1h0m13s", "1h0m21s", "1h0m30s", "1h0m38s"})
	})
}

// A Retry-After beyond the time that is left ends the Do now, not then.
func TestAfterBeyondMaxElapsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := retry.Policy{MaxElapsed: time.Minute}.Do(t.Context(), func(context.Context) error {
			time.Sleep(time.Second)
			return retry.After(errDown, math.MaxInt64)
		})
		equal(t, "error", view(t, err), failure{1, "1s", "out of time", "503 service unavailable"})
	})
}

func TestMarksOfNil(t *testing.T) {
	if err := retry.Permanent(nil); err != nil {
		t.Errorf("Permanent(nil) is %v", err)
	}
	if err := retry.After(nil, time.Second); err != nil {
		t.Errorf("After(nil) is %v", err)
	}
}

// The marks do not change what an error says or is.
func TestMarksAreTransparent(t *testing.T) {
	for name, err := range map[string]error{
		"permanent": retry.Permanent(errDown),
		"after":     retry.After(errDown, time.Second),
		"both":      retry.After(retry.Permanent(errDown), time.Second),
	} {
		if err.Error() != errDown.Error() || !errors.Is(err, errDown) {
			t.Errorf("%s: %v does not say what %v says", name, err, errDown)
		}
	}
	if errors.Is(retry.After(errDown, 0), retry.ErrPermanent) {
		t.Error("After is permanent")
	}
}

func TestOnRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		p := retry.Policy{
			Backoff: tend.Backoff{Min: time.Second, Max: 8 * time.Second}, Limit: tend.Limit{N: 3},
			OnRetry: func(n int, err error, wait time.Duration) {
				got = append(got, fmt.Sprintf("%d: %v, in %v", n, err, wait))
			},
		}
		n := 0
		if err := p.Do(t.Context(), func(context.Context) error { n++; return fmt.Errorf("no %d", n) }); err == nil {
			t.Error("no error")
		}
		equal(t, "calls", got, []string{"1: no 1, in 1s", "2: no 2, in 2s"})
	})
}

// A Do inside a Do: what was permanent for the inner one is so for the outer.
func TestNested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		err := retry.Do(t.Context(), exact, func(ctx context.Context) error {
			return retry.Do(ctx, exact, func(context.Context) error {
				calls++
				return retry.Permanent(errDown)
			})
		})
		if calls != 1 || !errors.Is(err, errDown) {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
}

func TestPanicsPassThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, p := range map[string]retry.Policy{
			"f":       {},
			"OnRetry": {OnRetry: func(int, error, time.Duration) { panic("boom") }},
		} {
			func() {
				defer func() {
					if r := recover(); r != "boom" {
						t.Errorf("%s: recovered %v", name, r)
					}
				}()
				err := p.Do(t.Context(), func(context.Context) error {
					if name == "f" {
						panic("boom")
					}
					return errDown
				})
				t.Errorf("%s: Do returned %v", name, err)
			}()
		}
	})
}

func TestNilFunction(t *testing.T) {
	defer func() {
		if r := fmt.Sprint(recover()); !strings.HasPrefix(r, "tend/retry: ") {
			t.Errorf("recovered %q", r)
		}
	}()
	_ = retry.Do(t.Context(), tend.Backoff{}, nil)
}

// --- stop

// A stop in a wait, in an attempt and before the first one: what the error is.
func TestStop(t *testing.T) {
	cause := errors.New("operator said so")
	for _, c := range []struct {
		name    string
		after   time.Duration // of the cancellation
		attempt func(ctx context.Context, n int) error
		at      []string
		want    failure
	}{
		{
			name:    "in a wait",
			after:   5 * time.Second,
			attempt: func(context.Context, int) error { return errDown },
			at:      []string{"0s", "1s", "3s"},
			want:    failure{3, "5s", "context canceled: operator said so", "503 service unavailable"},
		},
		{
			name:  "in an attempt that has nothing to say of its own",
			after: 2 * time.Second,
			attempt: func(ctx context.Context, n int) error {
				if n == 1 {
					return errDown
				}
				<-ctx.Done()
				return fmt.Errorf("POST: %w", ctx.Err())
			},
			at:   []string{"0s", "1s"},
			want: failure{2, "2s", "context canceled: operator said so", "503 service unavailable"},
		},
		{
			name:  "in an attempt that says only why",
			after: 2 * time.Second,
			attempt: func(ctx context.Context, n int) error {
				if n == 1 {
					return errDown
				}
				<-ctx.Done()
				return context.Cause(ctx)
			},
			at:   []string{"0s", "1s"},
			want: failure{2, "2s", "context canceled: operator said so", "503 service unavailable"},
		},
		{
			name:  "in an attempt that fails by itself",
			after: 2 * time.Second,
			attempt: func(ctx context.Context, n int) error {
				if n == 1 {
					return errDown
				}
				<-ctx.Done()
				return errors.New("400 bad request")
			},
			at:   []string{"0s", "1s"},
			want: failure{2, "2s", "context canceled: operator said so", "400 bad request"},
		},
		{
			name:  "in the first attempt",
			after: time.Second,
			attempt: func(ctx context.Context, _ int) error {
				<-ctx.Done()
				return context.Cause(ctx)
			},
			at:   []string{"0s"},
			want: failure{1, "1s", "context canceled: operator said so", "operator said so"},
		},
		{
			name:  "in an attempt that ignores it",
			after: time.Second,
			attempt: func(context.Context, int) error {
				time.Sleep(time.Minute)
				return errDown
			},
			at:   []string{"0s"},
			want: failure{1, "1m0s", "context canceled: operator said so", "503 service unavailable"},
		},
		{
			name:    "before the first attempt",
			attempt: func(context.Context, int) error { return errDown },
			want:    failure{0, "0s", "context canceled: operator said so", "<nil>"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if c.after == 0 {
					cancel(cause)
				} else {
					time.AfterFunc(c.after, func() { cancel(cause) })
				}
				a := record()
				err := retry.Do(ctx, exact, a.f(func(n int) error { return c.attempt(ctx, n) }))
				equal(t, "attempts", a.at, c.at)
				equal(t, "error", view(t, err), c.want)
				for _, target := range []error{cause, context.Canceled} {
					if !errors.Is(err, target) {
						t.Errorf("%v is not %v", err, target)
					}
				}
			})
		})
	}
}

// A wait that would last until the deadline, or beyond, is not begun: what remains
// of the time is the caller's, who can do something with it.
func TestNoWaitForAnAttemptAfterTheDeadline(t *testing.T) {
	for _, c := range []struct {
		name string
		in   time.Duration // of the deadline
		hint time.Duration
		at   []string
		want failure
	}{
		{"beyond", 10 * time.Second, 0, []string{"0s", "1s", "3s", "7s"}, failure{4, "7s", "", ""}},
		{"exactly until", 7 * time.Second, 0, []string{"0s", "1s", "3s"}, failure{3, "3s", "", ""}},
		{"just in time", 7*time.Second + 1, 0, []string{"0s", "1s", "3s", "7s"}, failure{4, "7s", "", ""}},
		{"a hint", 10 * time.Second, time.Minute, []string{"0s"}, failure{1, "0s", "", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.in)
				defer cancel()
				p, announced := retry.Policy{Backoff: exact}, 0
				p.OnRetry = func(int, error, time.Duration) { announced++ }
				a := record()
				err := p.Do(ctx, a.f(always(retry.After(errDown, c.hint))))
				c.want.Reason, c.want.Err = "no time for another attempt: context deadline exceeded", errDown.Error()
				equal(t, "attempts", a.at, c.at)
				equal(t, "error", view(t, err), c.want)
				equal(t, "waits", announced, len(c.at)-1)
				if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errDown) || ctx.Err() != nil {
					t.Errorf("got %v, and the context is %v", err, ctx.Err())
				}
			})
		})
	}
}

// What cannot get better, or was one too many, is that also shortly before the
// deadline.
func TestTheDeadlineIsTheLeastOfReasons(t *testing.T) {
	for is, c := range map[error]struct {
		policy retry.Policy
		err    error
	}{
		retry.ErrPermanent: {retry.Policy{}, retry.Permanent(errDown)},
		retry.ErrLimit:     {retry.Policy{Limit: tend.Limit{N: 1}}, errDown},
		retry.ErrElapsed:   {retry.Policy{MaxElapsed: 1}, errDown},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			err := c.policy.Do(ctx, func(context.Context) error { return c.err })
			if !errors.Is(err, is) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want %v", err, is)
			}
		})
	}
}

// An attempt that succeeds although it was stopped is a success.
func TestSuccessDuringStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		if err := retry.Do(ctx, exact, func(context.Context) error { cancel(); return nil }); err != nil {
			t.Error(err)
		}
	})
}

// The attempt during which the stop comes is not the one that was too many: a
// caller that gives a job up after ErrLimit must not do so because of a shutdown.
func TestStopIsNotTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		err := retry.Policy{Limit: tend.Limit{N: 1}}.Do(ctx, func(context.Context) error { cancel(); return errDown })
		if errors.Is(err, retry.ErrLimit) || !errors.Is(err, context.Canceled) || !errors.Is(err, errDown) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAfterAStopTheErrorIsItsCauseAndTheLastFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		time.AfterFunc(time.Minute, func() { cancel(tend.ErrRemoved) })
		err := retry.Do(ctx, tend.Backoff{}, func(context.Context) error { return errDown })
		for _, target := range []error{tend.ErrRemoved, context.Canceled, errDown} {
			if !errors.Is(err, target) {
				t.Errorf("%v is not %v", err, target)
			}
		}
	})
}

func TestPermanentAtTheLastAttemptIsNotTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := record()
		err := retry.Policy{Backoff: tend.Backoff{Min: time.Second}, Limit: tend.Limit{N: 2}}.Do(t.Context(), a.f(func(n int) error {
			if n == 2 {
				return retry.Permanent(errDown)
			}
			return errDown
		}))
		equal(t, "error", view(t, err), failure{2, "1s", "permanent failure", "503 service unavailable"})
		if errors.Is(err, retry.ErrLimit) {
			t.Error("it is also ErrLimit")
		}
	})
}

func TestErrorText(t *testing.T) {
	for want, e := range map[string]retry.Error{
		"tend/retry: too many failures after 3 attempts in 3s: 503 service unavailable": {
			Attempts: 3, Elapsed: 3 * time.Second, Reason: retry.ErrLimit, Err: errDown,
		},
		"tend/retry: permanent failure after 1 attempt in 0s: 503 service unavailable": {
			Attempts: 1, Reason: retry.ErrPermanent, Err: errDown,
		},
		"tend/retry: context canceled after 0 attempts in 0s": {Reason: context.Canceled},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
