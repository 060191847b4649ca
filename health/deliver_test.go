package health_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend/health"
)

// One that is undone meanwhile is not told, and nobody waits for another's.
func TestAChangeThatCouldNotBeToldIsToldLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		var down atomic.Bool
		down.Store(true)
		var logged strings.Builder
		prober := newProber(t, health.Config{
			Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}})),
			OnChange: func(_ context.Context, c health.Change) error {
				if down.Load() && c.Name != "c" {
					if c.Name == "b" {
						panic("b")
					}
					return errSick
				}
				l.add("%s %v>%v %d since %v", c.Name, c.From, c.To, c.Failures, c.At.Sub(l.begun))
				return nil
			},
		})
		add(t, prober,
			health.Probe{Name: "a", Check: script("---+")},
			health.Probe{Name: "b", Check: script("+---+")},
			health.Probe{Name: "c", Check: script("+")})
		serve(t, prober)
		time.Sleep(38 * time.Second) // a was sick from 20s to 30s, b is since 30s
		synctest.Wait()
		l.want(t, "0s c unknown>healthy 0 since 0s")
		down.Store(false)
		time.Sleep(time.Minute)
		// They were tried at 0s, 1s, 3s, 7s, 15s and 31s; a succeeds at 30s too.
		l.want(t, "40s b unknown>healthy 3 since 40s", "40s a unknown>healthy 3 since 30s")
		synctest.Wait()
		if n := strings.Count(logged.String(), `msg="health changed"`); n != 6 {
			t.Errorf("6 changes were logged %d times:\n%s", n, &logged)
		}
		for _, want := range []string{
			`level=ERROR msg="health changed" probe=a from=unknown to=unhealthy failures=3 error=sick`,
			`level=WARN msg="OnChange failed" probe=a error=sick`,
			`level=WARN msg="OnChange failed" probe=b error="panic: b"`,
		} {
			if !strings.Contains(logged.String(), want) {
				t.Errorf("the log lacks %s:\n%s", want, &logged)
			}
		}
	})
}

// It misses results and is told how many; changes go first and the probes do not
// notice.
func TestSlowOnResult(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes, OnResult: func(ctx context.Context, r health.Result) {
			l.add("%s result %d, missed %d, at %v, %v", r.Name, r.Streak, r.Missed, r.At.Sub(l.begun), r.Err)
			select {
			case <-time.After(24 * time.Second):
			case <-ctx.Done():
			}
		}})
		add(t, prober, health.Probe{Name: "p", Check: script("---+")})
		serve(t, prober)
		time.Sleep(70 * time.Second)
		l.wantInOrder(t, "0s p result 1, missed 0, at 0s, sick",
			"24s p unknown>unhealthy 3", "24s p result 3, missed 1, at 20s, sick",
			"48s p unhealthy>healthy 3", "48s p result 2, missed 1, at 40s, ")
	})
}
