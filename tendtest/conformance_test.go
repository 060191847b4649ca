package tendtest_test

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/tendtest"
)

// TestServicesThatKeepTheLaws, each in its way.
func TestServicesThatKeepTheLaws(t *testing.T) {
	for name, make := range map[string]func() tend.Service{
		"idle":         func() tend.Service { return idle("a") },
		"slow":         func() tend.Service { return tendtest.Slow("a", 9*time.Second) },
		"a slow child": func() tend.Service { return tend.Child{Service: tendtest.Slow("a", time.Minute), Timeout: time.Hour} },
		"one by its address": func() tend.Service {
			return &tend.Child{Service: tendtest.Slow("a", time.Minute), Timeout: time.Hour}
		},
		"one in another": func() tend.Service {
			return tend.Child{Name: "b", Service: &tend.Child{Service: tendtest.Slow("a", time.Minute), Timeout: time.Hour}}
		},
		"a slow actor": func() tend.Service {
			return actor.New("a", &actor.Spec[int]{Child: tend.Child{Timeout: time.Hour}, New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
				return lingering{}, nil
			}})
		},
		"a job":         func() tend.Service { return tend.Func("job", func(context.Context) error { return nil }) },
		"a puppet":      func() tend.Service { return tendtest.NewPuppet("a") },
		"a supervisor":  func() tend.Service { return root(tend.Spec{EventHook: func(tend.Event) {}}, idle("a"), idle("b")) },
		"with a helper": func() tend.Service { return tend.Func("a", waitsForIts) },
		"careful":       func() tend.Service { return &careful{} },
		"its cause": func() tend.Service {
			return tend.Func("a", func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
		},
		"an actor": func() tend.Service {
			return actor.New("a", &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
				return handler(func(context.Context, int) error { return nil }), nil
			}})
		},
	} {
		t.Run(name, func(t *testing.T) { tendtest.TestService(t, make) })
	}
}

// lingering is a handler that takes its time to stop.
type lingering struct{}

func (lingering) Handle(context.Context, int) error { return nil }

func (lingering) Stop(context.Context, error) error {
	time.Sleep(time.Minute)
	return nil
}

// waitsForIts helper before it returns.
func waitsForIts(ctx context.Context) error {
	done := make(chan bool)
	stop := make(chan bool)
	go func() { <-stop; close(done) }()
	defer func() { close(stop); <-done }()
	<-ctx.Done()
	return ctx.Err()
}

// careful looks at its context under a lock, which it gives back.
type careful struct{ mu sync.Mutex }

func (c *careful) Serve(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	<-ctx.Done()
	return ctx.Err()
}

// mutants are services that break a law each, until they are released.
var mutants = map[string]struct {
	make func(release <-chan bool) tend.Service
	want map[string]string // what which law finds
}{
	"does not look at its context": {
		func(release <-chan bool) tend.Service {
			return tend.Func("a", func(context.Context) error { <-release; return nil })
		},
		map[string]string{
			"stops when its context ends":                 "Serve has not returned 10s after its context ended. Wait for ctx.Done() … conformance_test.go",
			"stops when its context had ended before":     "Serve has not returned 10s after it was called with a context that had ended. Wait for ctx.Done()",
			"hides no end of its context":                 "has not returned 10s",
			"can be served again":                         "has not returned 10s",
			"leaves no goroutine":                         "has not returned 10s",
			"survives a panic":                            "has not returned 10s",
			"stops when its context ends while it starts": "has not returned 10s",
		},
	},
	"is too slow for its Timeout": {
		func(<-chan bool) tend.Service {
			return tend.Child{Service: tendtest.Slow("a", 5*time.Second), Timeout: time.Second}
		},
		map[string]string{
			"stops when its context ends":                 "Serve has not returned 1s after its context ended",
			"stops when its context had ended before":     "has not returned 1s after it was called with a context",
			"hides no end of its context":                 "has not returned 1s",
			"can be served again":                         "has not returned 1s",
			"leaves no goroutine":                         "has not returned 1s",
			"survives a panic":                            "has not returned 1s",
			"stops when its context ends while it starts": "has not returned 1s",
		},
	},
	"hangs if its context had ended": {
		func(release <-chan bool) tend.Service {
			return tend.Func("a", func(ctx context.Context) error {
				if ctx.Err() != nil {
					<-release
				}
				<-ctx.Done()
				return nil
			})
		},
		map[string]string{
			"stops when its context had ended before":     "it was called with a context that had ended. Wait for ctx.Done()",
			"stops when its context ends while it starts": "Serve has not returned 10s after its context ended while it was starting (as it looked at that for the 1st time)",
		},
	},
	"does not look while it starts": {
		func(release <-chan bool) tend.Service {
			return tend.Func("a", func(ctx context.Context) error {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				_ = ctx.Value(0)
				if ctx.Err() != nil {
					<-release
				}
				<-ctx.Done()
				return nil
			})
		},
		map[string]string{
			"stops when its context ends while it starts": "as it looked at that for the 2nd time). Wait for ctx.Done()",
		},
	},
	"hides the end": {
		func(<-chan bool) tend.Service {
			return tend.Func("a", func(ctx context.Context) error { <-ctx.Done(); return errors.New("connection closed") })
		},
		map[string]string{
			"hides no end of its context": "when its context had ended, Serve returned \"connection closed\", which does not say so … return nil, ctx.Err() or context.Cause(ctx)",
		},
	},
	"claims an end": {
		func(<-chan bool) tend.Service {
			return tend.Func("a", func(context.Context) error { return context.Canceled })
		},
		failingAtOnce("Serve has returned \"context canceled\" before anything was asked of it. What makes the services must make such that work"),
	},
	"panics at once": {
		func(<-chan bool) tend.Service {
			return tend.Func("a", func(context.Context) error { panic("no database") })
		},
		withEnded(failingAtOnce("Serve has panicked with no database before anything was asked of it"), "Serve has panicked with no database after it was called with a context that had ended: that is a failure each time"),
	},
	"panics when it is asked": {
		func(<-chan bool) tend.Service {
			return tend.Func("a", func(ctx context.Context) error { <-ctx.Done(); panic("closed twice") })
		},
		map[string]string{
			"stops when its context ends":                 "Serve has panicked with closed twice after its context ended: that is a failure each time. Let a run",
			"stops when its context had ended before":     "has panicked with closed twice after it was called with",
			"hides no end of its context":                 "has panicked with closed twice",
			"can be served again":                         "has panicked with closed twice … has panicked with closed twice after its context ended (after a run before it)",
			"leaves no goroutine":                         "has panicked with closed twice",
			"survives a panic":                            "has panicked with closed twice",
			"stops when its context ends while it starts": "has panicked with closed twice",
		},
	},
	"exits when it is asked": {
		func(<-chan bool) tend.Service {
			return tend.Func("a", func(ctx context.Context) error { <-ctx.Done(); runtime.Goexit(); return nil })
		},
		map[string]string{
			"stops when its context ends":                 "Serve has called runtime.Goexit after its context ended",
			"stops when its context had ended before":     "has called runtime.Goexit",
			"hides no end of its context":                 "has called runtime.Goexit",
			"can be served again":                         "has called runtime.Goexit",
			"leaves no goroutine":                         "has called runtime.Goexit",
			"survives a panic":                            "has called runtime.Goexit",
			"stops when its context ends while it starts": "has called runtime.Goexit",
		},
	},
	"serves once": {
		func(<-chan bool) tend.Service { return &once{} },
		map[string]string{
			"can be served again": "after a run before it Serve has returned \"closed\", at once. A supervisor serves the same value again and again: make in Serve",
			"survives a panic":    "after a panic (of its context, as it looked at that for the 1st time) Serve has returned \"closed\", at once",
		},
	},
	"is a job once": {
		func(<-chan bool) tend.Service {
			done := make(chan bool)
			return tend.Func("a", func(context.Context) error { close(done); return nil })
		},
		map[string]string{"can be served again": "Serve has panicked with close of closed channel, at once"},
	},
	"leaves a goroutine": {
		func(release <-chan bool) tend.Service {
			return tend.Func("a", func(ctx context.Context) error {
				go func() { <-release }()
				<-ctx.Done()
				return nil
			})
		},
		map[string]string{
			"leaves no goroutine": "1 goroutines of the service are there 1s after its end. Start them with tend.Go, or have Serve wait … conformance_test.go",
			"survives a panic":    "goroutines of the service are there 1s after a panic",
		},
	},
	"leaves a goroutine when it panics": {
		func(release <-chan bool) tend.Service {
			return tend.Func("a", func(ctx context.Context) error {
				stop := make(chan bool)
				go func() {
					select {
					case <-stop:
					case <-release:
					}
				}()
				<-ctx.Done()
				close(stop)
				return nil
			})
		},
		map[string]string{"survives a panic": "1 goroutines of the service are there 1s after a panic. Start them with tend.Go"},
	},
	"keeps a lock when it panics": {
		func(release <-chan bool) tend.Service {
			lock := make(chan bool, 1)
			return tend.Func("a", func(ctx context.Context) error {
				select {
				case lock <- true:
				case <-release:
				}
				<-ctx.Done()
				<-lock
				return nil
			})
		},
		map[string]string{"survives a panic": "Serve has not returned 10s after its context ended (after a panic (of its context, as it looked at that for the 1st time)). Wait for"},
	},
	"swallows a panic": {
		func(<-chan bool) tend.Service {
			return tend.Func("a", func(ctx context.Context) error {
				defer func() { _ = recover() }()
				<-ctx.Done()
				return nil
			})
		},
		map[string]string{"survives a panic": "after a panic (of its context, as it looked at that for the 1st time) Serve returned nil: nobody hears of it. Let panics through"},
	},
}

// failingAtOnce is what laws find in a service that does not work at all.
func failingAtOnce(finding string) map[string]string {
	want := map[string]string{}
	for name := range tendtest.Laws() {
		if !strings.HasPrefix(name, "stops when its context had") && !strings.HasSuffix(name, "starts") {
			want[name] = finding
		}
	}
	return want
}

func withEnded(want map[string]string, finding string) map[string]string {
	want["stops when its context had ended before"] = finding
	want["stops when its context ends while it starts"] = ""
	return want
}

// once can be served once.
type once struct{ closed bool }

func (o *once) Serve(ctx context.Context) error {
	if o.closed {
		return errors.New("closed")
	}
	defer func() { o.closed = true }()
	<-ctx.Done()
	return nil
}

// TestMutants: a service that breaks a law is found out, with words that say what to do, and
// by no law that it keeps.
func TestMutants(t *testing.T) {
	laws := tendtest.Laws()
	for name, m := range mutants {
		for _, law := range slices.Sorted(maps.Keys(laws)) {
			t.Run(name+"/"+law, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					release := make(chan bool)
					f := try(t, func(t testing.TB) { laws[law](t, func() tend.Service { return m.make(release) }) })
					close(release)
					time.Sleep(time.Minute) // what is slow, for less
					want, breaks := m.want[law]
					switch {
					case breaks != f.Failed():
						t.Errorf("found is %q", f.failures)
					case breaks:
						found := strings.Join(f.failures, "\n")
						for part := range strings.SplitSeq(want, " … ") {
							if !strings.Contains(found, part) {
								t.Errorf("found is\n%s\nand not %q", found, part)
							}
						}
					}
				})
			})
		}
	}
}

// TestAFindingInRealTime: what is left is told from the goroutines of others, also if the service
// has labels of its own.
func TestAFindingInRealTime(t *testing.T) {
	const law = "leaves no goroutine"
	for name, in := range map[string]func(leaky tend.Service) tend.Service{
		"by itself": func(leaky tend.Service) tend.Service { return leaky },
		"below a supervisor": func(leaky tend.Service) tend.Service {
			return root(tend.Spec{EventHook: func(tend.Event) {}}, leaky)
		},
		"in an actor": func(leaky tend.Service) tend.Service {
			return root(tend.Spec{EventHook: func(tend.Event) {}}, actor.New("a", &actor.Spec[int]{
				New: func(ctx context.Context, _ *actor.Actor[int]) (actor.Handler[int], error) {
					over, cancel := context.WithCancel(ctx)
					cancel()
					_ = leaky.Serve(over) // what it leaves is there when it returns
					return actor.Func[int](func(context.Context, int) error { return nil }), nil
				},
			}))
		},
		"with a label": func(leaky tend.Service) tend.Service {
			return tend.Func("a", func(ctx context.Context) (err error) {
				pprof.Do(ctx, pprof.Labels("job", "7"), func(ctx context.Context) { err = leaky.Serve(ctx) })
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan bool)
			defer close(release)
			go waitForEver(release)
			f := try(t, func(t testing.TB) {
				tendtest.Laws()[law](t, func() tend.Service { return in(mutants["leaves a goroutine"].make(release)) })
			})
			wantFailures(t, f, "1 goroutines of the service are there 1s after its end. Start them with tend.Go … conformance_test.go")
		})
	}
}
