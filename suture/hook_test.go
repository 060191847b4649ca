package suture_test

import (
	"bytes"
	"context"
	stdlog "log"
	"math"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend/suture"
)

// This file holds what a hook can rely on.

// failing makes a supervisor with so many services, of which every nth fails once.
func failing(hook suture.EventHook, services, nth int) *suture.Supervisor {
	s := suture.New("root", suture.Spec{EventHook: hook, FailureThreshold: math.Inf(1)})
	for i := range services {
		if i%nth == 0 {
			s.Add(returns("fails", errBoom))
		} else {
			s.Add(idle("idle"))
		}
	}
	return s
}

// A hook that keeps up hears of every failure, however many there are at once, and
// whatever else happens that v4 has no words for.
func TestFastHooksHearOfEveryFailure(t *testing.T) {
	for name, c := range map[string]struct{ services, nth int }{
		"all of 3,000 fail": {3000, 1}, "50 of 5,000 fail": {5000, 100},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := 0
				serve(t, failing(func(suture.Event) { told++ }, c.services, c.nth))
				want(t, "told", told, c.services/c.nth)
			})
		})
	}
}

// A hook that makes progress is waited for when the topmost supervisor stops.
func TestSlowHooksHearOfTheLastFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int32
		s := failing(func(suture.Event) { time.Sleep(30 * time.Millisecond); told.Add(1) }, 10, 1)
		ctx, cancel := context.WithCancel(t.Context())
		result := s.ServeBackground(ctx)
		synctest.Wait()
		cancel()
		same(t, "Serve", <-result, context.Canceled)
		want(t, "told", told.Load(), 10)
		time.Sleep(time.Minute)
	})
}

// logged is what f makes package log, and slog without a handler of its own, write.
func logged(f func()) []string {
	var out bytes.Buffer
	stdlog.SetOutput(&out)
	defer stdlog.SetOutput(os.Stderr)
	f()
	return strings.SplitAfter(out.String(), "\n")
}

func count(lines []string, text string) (n int) {
	for _, line := range lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// A hook that panics is told of once, and goes on being called.
func TestHookThatPanicsIsLogged(t *testing.T) {
	calls := 0
	lines := logged(func() {
		synctest.Test(t, func(t *testing.T) {
			serve(t, failing(func(suture.Event) { calls++; panic("in the hook") }, 5, 1))
		})
	})
	want(t, "calls", calls, 5)
	want(t, "lines", count(lines, "in the hook"), 1)
}

// Loss is never silent. v4 loses nothing: it waits.
func TestWhatAHookLosesIsLogged(t *testing.T) {
	told := 0
	lines := logged(func() {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			s := failing(func(suture.Event) { <-release; told++ }, 1, 1)
			for i := range 5000 {
				done := false
				s.Add(&service{"fails late", func(ctx context.Context) error {
					if done {
						<-ctx.Done()
						return nil
					}
					done = true
					time.Sleep(time.Duration(min(i, 2)) * time.Minute)
					return errBoom
				}})
			}
			serve(t, s)
			time.Sleep(2 * time.Hour)
			close(release)
			s.Add(returns("the last", errBoom))
			synctest.Wait()
		})
	})
	want(t, "told, less than all", told < 5000, true)
	want(t, "it is logged", count(lines, "events are lost") > 0, true)
}
