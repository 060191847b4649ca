package tend_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// TestEventsAreTold plays a tree through every kind of event and compares how
// each is told to slog: level, kind, attributes.
func TestEventsAreTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		victim, deaf := ordered("victim"), tend.Child{Service: idle("deaf"), ReadyTimeout: time.Second, Restart: tend.Temporary}
		own := tend.Child{Service: failing("own"), Backoff: tend.Backoff{Min: time.Second, Limit: 2}}
		s, p, done := serve(t, tend.Spec{FailureThreshold: 0.5, Timeout: time.Second, MaxServices: 4}, victim, own)
		sub := tend.New("sub", tend.Spec{Escalate: true, FailureThreshold: 0.5})
		bad := ordered("bad")
		sub.Add(bad)
		tok := s.Add(tend.Child{Service: sub, Restart: tend.Temporary})
		synctest.Wait()
		s.Add(deaf)
		s.Add(idle("too many"))
		victim.run(func(context.Context) error { panic("at the disco") })
		bad.end(errBoom)
		_ = s.Remove(tok)
		time.Sleep(20 * time.Second)
		victim.run(func(ctx context.Context) error { <-ctx.Done(); time.Sleep(2 * time.Second); return errBoom })
		s.Stop()
		<-done
		time.Sleep(time.Minute)
		synctest.Wait()

		got := map[string]string{}
		for _, e := range p.events {
			attrs := map[string]string{}
			for _, a := range e.LogValue().Group() {
				attrs[a.Key] = a.Value.String()
			}
			kind := attrs["event"]
			for _, volatile := range []string{"event", "id", "until"} {
				delete(attrs, volatile)
			}
			for _, long := range []string{"stack", "stacks"} {
				if text, ok := attrs[long]; ok {
					attrs[long] = fmt.Sprint(strings.Contains(text, "tend_test."))
				}
			}
			if _, known := got[kind]; !known {
				got[kind] = fmt.Sprintf("%v %v", e.Level(), attrs)
			}
		}
		want := map[string]string{
			"supervisor started":   "DEBUG map[services:2 supervisor:root]",
			"supervisor stopping":  `DEBUG map[cause:tend: supervisor "root/sub": too many failures (1.0, threshold 0.5); the last was of "bad": boom supervisor:root/sub]`,
			"supervisor stopped":   `INFO map[cause:tend: supervisor "root/sub": too many failures (1.0, threshold 0.5); the last was of "bad": boom supervisor:root/sub took:0s]`,
			"service started":      "DEBUG map[incarnation:1 restarts:0 service:victim supervisor:root]",
			"service ready":        "DEBUG map[incarnation:1 service:sub supervisor:root took:0s]",
			"service unresponsive": "ERROR map[cause:tend: service was not ready in time incarnation:1 service:deaf stacks:true supervisor:root]",
			"service failed":       "WARN map[count:1 delay:1s error:boom incarnation:1 ran:0s restarting:true service:own supervisor:root threshold:2]",
			"service ended":        `INFO map[asked:false error:tend: supervisor "root/sub": too many failures (1.0, threshold 0.5); the last was of "bad": boom incarnation:1 next:gone service:sub supervisor:root]`,
			"service stuck":        "ERROR map[incarnation:2 service:victim stacks:true supervisor:root waited:1s]",
			"service ended late":   "WARN map[incarnation:2 late:1s service:victim supervisor:root]",
			"service gave up":      "ERROR map[error:boom failures:2 incarnation:2 service:own supervisor:root within:0s]",
			"service refused":      "ERROR map[incarnation:0 limit:4 service:too many supervisor:root]",
			"pause began":          "WARN map[count:1 supervisor:root threshold:0.5]",
			"pause ended":          "INFO map[lasted:15s supervisor:root]",
			"escalated":            "ERROR map[count:1 error:boom last:bad supervisor:root/sub threshold:0.5]",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for _, e := range p.events {
			if f, is := e.(tend.ServiceFailed); is && f.Service == "victim" && (f.Level() != slog.LevelError || !strings.Contains(fmt.Sprint(f.LogValue()), "TestEventsAreTold")) {
				t.Errorf("a panic is told as %v %v", f.Level(), f.LogValue())
			}
		}
	})
}

// TestSlowHookMissesEventsAndIsTold: a queue is bounded, and what did not fit is
// counted where it is missing.
func TestSlowHookMissesEventsAndIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		var got []tend.Event
		s := tend.New("root", tend.Spec{EventHook: func(e tend.Event) { <-release; got = append(got, e) }})
		done := s.ServeBackground(t.Context())
		events := s.Events(t.Context())
		for range 2000 { // two events each
			if err := s.RemoveAndWait(s.Add(idle("a")), 0); err != nil {
				t.Fatal(err)
			}
		}
		close(release)
		synctest.Wait()
		s.Add(idle("b"))
		s.Stop()
		<-done
		check := func(who string, events []tend.Event) {
			total := uint64(0)
			for _, e := range events {
				total++
				if e, is := e.(tend.EventsDropped); is {
					total += e.N - 1
					if e.Level() != slog.LevelWarn || e.String() != fmt.Sprintf("root: events dropped: %d events", e.N) {
						t.Errorf("%s: %v", who, e)
					}
				}
			}
			if total < 4001 || len(events) > 2100 {
				t.Errorf("%s: %d events, %d with those dropped", who, len(events), total)
			}
		}
		check("hook", got)
		var seen []tend.Event
		for e := range events {
			seen = append(seen, e)
			if _, dropped := e.(tend.EventsDropped); dropped {
				break
			}
			if len(seen) == 1024 {
				s.Add(idle("c")) // the next event tells of the gap before it
				s.ServeBackground(t.Context())
			}
		}
		if len(seen) != 1025 {
			t.Errorf("the subscriber got %d events before it was told of a gap", len(seen))
		}
		s.Stop()
	})
}

// TestHookThatExitsGetsEachEventOnce, on another goroutine.
func TestHookThatExitsGetsEachEventOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newTape(t)
		s, _, _ := serve(t, tend.Spec{EventHook: func(e tend.Event) { p.hook(e); runtime.Goexit() }}, idle("a"), idle("b"))
		p.want(
			"0s root: supervisor started: 2 services",
			"0s root/a: service started: 0 restarts",
			"0s root/b: service started: 0 restarts",
		)
		s.Stop()
		if n := p.count("root"); n != 4 {
			t.Errorf("%d events of the stop", n)
		}
	})
}

// logged runs f with slog writing to a text, and returns that without times.
func logged(f func()) []string {
	var text bytes.Buffer
	old := slog.Default()
	defer slog.SetDefault(old)
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{
		Level: slog.LevelInfo,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "id" {
				return slog.Attr{}
			}
			return a
		},
	})))
	f()
	return strings.Split(strings.TrimSpace(text.String()), "\n")
}

// TestDefaultHookFoldsRepeats: a root without a hook logs the first failure in
// full, then sums, then the recovery.
func TestDefaultHookFoldsRepeats(t *testing.T) {
	lines := logged(func() {
		bubble(t, func(t *testing.T) {
			fails := 0
			s := tend.New("root", tend.Spec{})
			s.Add(tend.Child{
				Backoff: tend.Backoff{Min: 7 * time.Second},
				Service: tend.Func("a", func(ctx context.Context) error {
					if fails++; fails <= 12 {
						return errBoom
					}
					<-ctx.Done()
					return nil
				}),
			})
			done := s.ServeBackground(t.Context())
			time.Sleep(10 * time.Minute)
			o := ordered("b")
			s.Add(o)
			o.end(fmt.Errorf("one"))
			o.end(fmt.Errorf("two"))
			o.end(fmt.Errorf("two"))
			s.Stop()
			<-done
		})
	})
	want := []string{
		`level=WARN msg="service failed" supervisor=root service=a incarnation=1 error=boom ran=0s count=1 threshold=0 restarting=true delay=7s`,
		`level=WARN msg="same error" path=root/a error=boom times=8 in=1m0s`,
		`level=WARN msg="same error" path=root/a error=boom times=3 in=17s`,
		`level=INFO msg=recovered path=root/a after=1m17s`,
		`level=WARN msg="service failed" supervisor=root service=b incarnation=1 error=one ran=0s count=1 threshold=5 restarting=true delay=0s`,
		`level=WARN msg="service failed" supervisor=root service=b incarnation=2 error=two ran=0s count=2 threshold=5 restarting=true delay=0s`,
		`level=WARN msg="same error" path=root/b error=two times=1 in=0s`,
		`level=INFO msg="supervisor stopped" supervisor=root cause="tend: supervisor was stopped" took=0s`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDefaultHookForgetsWhoIsGone: services that give up or leave are summed up,
// and nobody recovers.
func TestDefaultHookForgetsWhoIsGone(t *testing.T) {
	lines := logged(func() {
		bubble(t, func(t *testing.T) {
			s := tend.New("root", tend.Spec{})
			s.Add(tend.Child{Service: failing("a"), Backoff: tend.Backoff{Limit: 3}})
			leaver := ordered("b")
			s.Add(leaver)
			done := s.ServeBackground(t.Context())
			leaver.end(errBoom)
			leaver.end(tend.ErrDoNotRestart)
			time.Sleep(time.Hour)
			s.Stop()
			<-done
		})
	})
	for _, line := range lines {
		if strings.Contains(line, "recovered") {
			t.Error(line)
		}
	}
	if text := strings.Join(lines, "\n"); strings.Count(text, `msg="same error" path=root/a error=boom times=2`) != 1 || strings.Count(text, "gave up") != 1 {
		t.Error(text)
	}
}

// TestNestedHooks: events travel up, each once to each hook; a supervisor below
// another does not log by itself.
func TestNestedHooks(t *testing.T) {
	lines := logged(func() {
		bubble(t, func(t *testing.T) {
			inner, middle := newTape(t), newTape(t)
			leaf := tend.New("leaf", tend.Spec{EventHook: inner.hook})
			o := ordered("o")
			leaf.Add(o)
			sub := tend.New("sub", tend.Spec{})
			sub.Add(leaf)
			s, p, _ := serve(t, tend.Spec{EventHook: middle.hook}, sub)
			_ = p
			inner.lines()
			middle.lines()
			o.end(errBoom)
			inner.want("0s root/sub/leaf/o: service failed: boom", "0s root/sub/leaf/o: service started: 1 restart")
			middle.want("0s root/sub/leaf/o: service failed: boom", "0s root/sub/leaf/o: service started: 1 restart")
			s.Stop()
			// Served by itself, sub is a root, and logs.
			done := sub.ServeBackground(t.Context())
			o.end(errBoom)
			sub.Stop()
			<-done
			// And below another no more.
			s.ServeBackground(t.Context())
			o.end(errBoom)
		})
	})
	if text := strings.Join(lines, "\n"); strings.Count(text, "service failed") != 1 || !strings.Contains(text, "supervisor=sub/leaf service=o") {
		t.Error(text)
	}
}
