package suture_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/suture"
)

type jitter func(time.Duration) time.Duration

func (j jitter) Jitter(d time.Duration) time.Duration { return j(d) }

// pausing makes a supervisor whose service fails at these times, each of which
// begins a pause.
func pausing(l *log, name string, j suture.Jitter, at ...time.Duration) *suture.Supervisor {
	s := suture.New(name, suture.Spec{EventHook: l.hook, FailureThreshold: 0.5, BackoffJitter: j})
	s.Add(&service{"svc", func(ctx context.Context) error {
		if len(at) == 0 {
			<-ctx.Done()
			return nil
		}
		next := l.began.Add(at[0])
		at = at[1:]
		select {
		case <-time.After(time.Until(next)):
			return errBoom
		case <-ctx.Done():
			return nil
		}
	}})
	return s
}

// pauses are the lines about pauses, once d has passed.
func pauses(l *log, d time.Duration) (lines []string) {
	time.Sleep(d)
	all := l.lines()
	for i, e := range l.events {
		switch e.(type) {
		case suture.EventBackoff, suture.EventResume:
			lines = append(lines, all[i])
		}
	}
	return lines
}

func TestBackoffJitter(t *testing.T) {
	for name, c := range map[string]struct {
		jitter jitter
		resume string
	}{
		"longer":   {func(d time.Duration) time.Duration { return d + time.Second }, "16s root resume"},
		"shorter":  {func(d time.Duration) time.Duration { return d / 3 }, "5s root resume"},
		"zero":     {func(time.Duration) time.Duration { return 0 }, "0s root resume"},
		"negative": {func(time.Duration) time.Duration { return -1 }, "0s root resume"},
		"panics":   {func(time.Duration) time.Duration { panic("jitter") }, "15s root resume"},
		"exits":    {func(time.Duration) time.Duration { runtime.Goexit(); return 0 }, "15s root resume"},
		"in time":  {func(d time.Duration) time.Duration { time.Sleep(4 * time.Second); return d / 3 }, "5s root resume"},
		"overdue":  {func(d time.Duration) time.Duration { time.Sleep(6 * time.Second); return d / 3 }, "6s root resume"},
		"far gone": {func(time.Duration) time.Duration { time.Sleep(2 * time.Second); return -1 << 63 }, "2s root resume"},
		"too late": {func(d time.Duration) time.Duration { time.Sleep(16 * time.Second); return 2 * d }, "15s root resume"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLog()
				s := suture.New("root", suture.Spec{EventHook: l.hook, BackoffJitter: c.jitter})
				s.Add(returns("svc", errBoom, errBoom, errBoom, errBoom, errBoom, errBoom))
				serve(t, s)
				time.Sleep(time.Minute)
				lines := l.lines()
				want(t, "last event", lines[len(lines)-1], c.resume)
			})
		})
	}
}

// v4 asks with what the Spec says, and every time.
func TestJitterIsAskedWithFailureBackoff(t *testing.T) {
	for backoff, asked := range map[time.Duration]time.Duration{
		0: 15 * time.Second, time.Minute: time.Minute, -time.Second: -time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			var got []time.Duration
			s := suture.New("root", suture.Spec{
				EventHook: newLog().hook, FailureThreshold: 0.5, FailureBackoff: backoff,
				BackoffJitter: jitter(func(d time.Duration) time.Duration { got = append(got, d); return time.Second }),
			})
			s.Add(returns("svc", errBoom, errBoom))
			serve(t, s)
			time.Sleep(time.Minute)
			synctest.Wait()
			want(t, "asked with", got, []time.Duration{asked, asked})
		})
	}
}

// A Jitter that panics or exits is asked the next time.
func TestJitterThatFailsOnce(t *testing.T) {
	for name, fail := range map[string]func(){"panics": func() { panic("jitter") }, "exits": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, asked := newLog(), 0
				serve(t, pausing(l, "root", jitter(func(time.Duration) time.Duration {
					if asked++; asked == 1 {
						fail()
					}
					return time.Second
				}), 0, 15*time.Second))
				want(t, "pauses", pauses(l, time.Minute), []string{
					"0s root backoff", "15s root resume", "15s root backoff", "16s root resume",
				})
				want(t, "asked", asked, 2)
			})
		})
	}
}

// A Jitter that never answers holds one goroutine, and pauses last as planned.
func TestJitterThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, asked, release := newLog(), 0, make(chan struct{})
		stop := serve(t, pausing(l, "root", jitter(func(time.Duration) time.Duration {
			asked++
			<-release
			return time.Hour
		}), 0, 15*time.Second, 30*time.Second))
		want(t, "pauses", pauses(l, time.Minute), []string{
			"0s root backoff", "15s root resume", "15s root backoff", "30s root resume", "30s root backoff", "45s root resume",
		})
		want(t, "asked", asked, 1)
		same(t, "Serve", stop(), context.Canceled)
		close(release)
	})
}

// An answer about a pause that is over changes nothing about the one that is on.
func TestAnswerAboutAnEarlierPause(t *testing.T) {
	for name, answer := range map[string]time.Duration{"shorter": 1, "longer": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, asked := newLog(), 0
				serve(t, pausing(l, "root", jitter(func(time.Duration) time.Duration {
					if asked++; asked == 1 {
						time.Sleep(20 * time.Second)
						return answer
					}
					panic("the second pause lasts as planned")
				}), 0, 17*time.Second))
				want(t, "pauses", pauses(l, time.Minute), []string{
					"0s root backoff", "15s root resume", "17s root backoff", "32s root resume",
				})
			})
		})
	}
}

// Nor does it about one of a later Serve, although the first would still be on.
func TestAnswerAboutAPauseOfAnEarlierServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, asked := newLog(), 0
		s := pausing(l, "root", jitter(func(time.Duration) time.Duration {
			if asked++; asked == 1 {
				time.Sleep(10 * time.Second)
				return time.Second
			}
			return 12 * time.Second // since 3s
		}), 0, 3*time.Second)
		stop := serve(t, s)
		time.Sleep(2 * time.Second)
		same(t, "Serve", stop(), context.Canceled)
		serve(t, s)
		want(t, "pauses", pauses(l, time.Minute), []string{
			"0s root backoff", "3s root backoff", "15s root resume",
		})
	})
}

// An answer that comes when the supervisor has stopped does nothing.
func TestAnswerAfterTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		stop := serve(t, pausing(l, "root", jitter(func(time.Duration) time.Duration {
			time.Sleep(10 * time.Second)
			return 0
		}), 0))
		same(t, "Serve", stop(), context.Canceled)
		want(t, "pauses", pauses(l, time.Minute), []string{"0s root backoff"})
	})
}

// Each supervisor of a tree has a Jitter of its own, whoever is above it, and asks it
// about its own pauses alone.
func TestJittersOfATree(t *testing.T) {
	after := func(d time.Duration) suture.Jitter { return jitter(func(time.Duration) time.Duration { return d }) }
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		child := pausing(l, "child", after(2*time.Second), 0)
		deep := pausing(l, "deep", after(3*time.Second), 0)
		plain := pausing(l, "plain", suture.NoJitter{}, 0)
		hidden := pausing(l, "hidden", after(5*time.Second), 0)
		root := suture.New("root", suture.Spec{EventHook: l.hook, BackoffJitter: jitter(func(time.Duration) time.Duration {
			t.Error("the root is asked")
			return 0
		})})
		root.Add(child)
		mid := tend.New("mid", tend.Spec{})
		child.Add(mid)
		mid.Add(embeds{deep})
		root.Add(plain)
		root.Add(tend.Child{Name: "hides", Service: &service{"hides", hidden.Serve}})
		serve(t, root)
		time.Sleep(time.Minute)
		want(t, "pauses", resumes(l), []string{
			"15s plain resume", "2s child resume", "3s deep resume", "5s hidden resume",
		})
	})
	synctest.Test(t, func(t *testing.T) { // below one of package tend
		l := newLog()
		root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		for _, d := range []time.Duration{time.Second, 4 * time.Second} { // in the same place
			root.Add(pausing(l, "twin", after(d), 0))
		}
		result := root.ServeBackground(t.Context())
		time.Sleep(time.Minute)
		want(t, "pauses", resumes(l), []string{"1s twin resume", "4s twin resume"})
		root.Stop()
		<-result
	})
}

func resumes(l *log) (lines []string) {
	for _, line := range l.sorted() {
		if strings.HasSuffix(line, " resume") {
			lines = append(lines, line)
		}
	}
	return lines
}

// A hook that blocks at the top does not keep those below from asking.
func TestJitterWhileTheHookBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, release := newLog(), make(chan struct{})
		root := suture.New("root", suture.Spec{EventHook: func(suture.Event) { <-release }})
		child := pausing(l, "child", jitter(func(time.Duration) time.Duration { return 2 * time.Second }), 0)
		root.Add(child)
		var started []time.Duration
		child.Add(&service{"waits", func(ctx context.Context) error {
			started = append(started, time.Since(l.began))
			if len(started) == 1 {
				time.Sleep(time.Second)
				return errBoom
			}
			<-ctx.Done()
			return nil
		}})
		serve(t, root)
		time.Sleep(time.Minute)
		synctest.Wait()
		want(t, "started", started, []time.Duration{0, 2 * time.Second})
		close(release)
	})
}

func TestJitters(t *testing.T) {
	want(t, "NoJitter", suture.NoJitter{}.Jitter(time.Second), time.Second)
	var d suture.DefaultJitter
	for range 1000 {
		if got := d.Jitter(time.Second); got < time.Second || got >= 1500*time.Millisecond {
			t.Fatalf("DefaultJitter: %v", got)
		}
	}
	for _, c := range []time.Duration{0, -time.Second, 1<<63 - 1} {
		want(t, "DefaultJitter, with nothing to add", d.Jitter(c), c)
	}
}

// A supervisor without a Jitter adds 0 to 50 %, as v4 does.
func TestDefaultJitterOfASupervisor(t *testing.T) {
	for _, j := range []suture.Jitter{nil, &suture.DefaultJitter{}} {
		synctest.Test(t, func(t *testing.T) {
			l := newLog()
			serve(t, pausing(l, "root", j, 0))
			time.Sleep(time.Minute)
			want(t, "last event", last[suture.EventResume](t, l).SupervisorName, "root")
			if lasted := l.at[len(l.at)-1]; lasted <= 15*time.Second || lasted >= 22500*time.Millisecond {
				t.Errorf("the pause lasted %v", lasted)
			}
		})
	}
}
