package tend_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
)

// TestReadiness: what the one rule says of a tree. Each case makes a tree, which is
// given a second.
func TestReadiness(t *testing.T) {
	down := func(name string, c tend.Child) tend.Child {
		c.Service, c.Backoff = failing(name), tend.Backoff{Min: time.Hour}
		return c
	}
	// worked is a service that has run and then failed.
	worked := func(name string, c tend.Child) tend.Child {
		n := 0
		c.Backoff = tend.Backoff{Min: time.Hour}
		c.Service = tend.Func(name, func(ctx context.Context) error {
			if n++; n == 1 {
				time.Sleep(time.Millisecond)
			}
			return errBoom
		})
		return c
	}
	below := func(spec tend.Spec, services ...tend.Service) *tend.Supervisor {
		s := tend.New("sub", spec)
		for _, svc := range services {
			s.Add(svc)
		}
		return s
	}
	late := tend.Child{Service: idle("late"), ReadyTimeout: time.Hour}
	for name, c := range map[string]struct {
		services func() []tend.Service
		then     func(s *tend.Supervisor)
		ready    string // what Ready says; empty: ready
		all      string // what AllRunning says, if not the same
		alive    string
	}{
		"empty":    {},
		"running":  {services: func() []tend.Service { return []tend.Service{idle("a")} }},
		"starting": {services: func() []tend.Service { return []tend.Service{late} }, ready: "root/late is starting for 1s"},
		"a nested one starts": {
			services: func() []tend.Service { return []tend.Service{below(tend.Spec{}, late)} },
			ready:    "not all services have been running yet: root/sub/late is starting for 1s",
			all:      "root/sub/late is starting for 1s",
		},
		"backoff": {
			services: func() []tend.Service { return []tend.Service{worked("a", tend.Child{})} },
			ready:    "root/a is in backoff for 999ms, waits for its delay, 59m59s (boom)",
		},
		"failed for good": {
			services: func() []tend.Service { return []tend.Service{worked("a", tend.Child{Limit: tend.Limit{N: 1}})} },
			ready:    "root/a has failed for 999ms (boom)",
		},
		"a nested one is in backoff": {
			services: func() []tend.Service { return []tend.Service{below(tend.Spec{}, worked("a", tend.Child{}))} },
			all:      "root/sub/a is in backoff for 999ms, waits for its delay, 59m59s (boom)",
		},
		"a significant nested one is in backoff": {
			services: func() []tend.Service {
				return []tend.Service{below(tend.Spec{}, worked("a", tend.Child{Significant: true}))}
			},
			ready: "root/sub/a is in backoff for 999ms, waits for its delay, 59m59s (boom)",
		},
		"a nested one has escalated": {
			services: func() []tend.Service {
				return []tend.Service{tend.Child{
					Service: below(tend.Spec{Escalate: true, FailureThreshold: 0.5}, idle("b"), tend.Func("a", func(context.Context) error {
						time.Sleep(time.Millisecond)
						return errBoom
					})),
					Backoff: tend.Backoff{Min: time.Hour},
				}}
			},
			ready: `root/sub is in backoff for 999ms, waits for its delay, 59m59s (tend: a: boom; too many failures of root/sub (1.0, threshold 0.5))`,
			all: `root/sub is in backoff for 999ms, waits for its delay, 59m59s (tend: a: boom; too many failures of root/sub (1.0, threshold 0.5)); ` +
				"root/sub/b is pending for 999ms, waits for its supervisor to be served; " +
				"root/sub/a is pending for 999ms, waits for its supervisor to be served (boom)",
		},
		"a temporary one comes": {services: func() []tend.Service { return []tend.Service{idle("a")} }, then: func(s *tend.Supervisor) {
			c := late
			c.Restart = tend.Temporary
			s.Add(c)
		}},
		"a temporary one has gone": {services: func() []tend.Service {
			return []tend.Service{tend.Child{Service: failing("a"), Restart: tend.Temporary}}
		}},
		"done": {services: func() []tend.Service {
			return []tend.Service{tend.Child{
				Service: tend.Func("a", func(context.Context) error { return nil }), Restart: tend.Transient,
			}}
		}},
		"suspended": {services: func() []tend.Service { return []tend.Service{idle("a")} }, then: func(s *tend.Supervisor) { _ = s.Suspend(s.Status().Services[0].Token) }},
		"below a suspended one": {
			services: func() []tend.Service {
				return []tend.Service{below(tend.Spec{}, tend.Child{Service: idle("a"), Significant: true})}
			},
			then: func(s *tend.Supervisor) {
				_ = s.Suspend(s.Status().Services[0].Token)
				time.Sleep(time.Second)
			},
		},
		"far below a suspended one": {
			services: func() []tend.Service {
				return []tend.Service{below(tend.Spec{}, below(tend.Spec{}, tend.Child{Service: idle("a"), Significant: true}))}
			},
			then: func(s *tend.Supervisor) {
				_ = s.Suspend(s.Status().Services[0].Token)
				time.Sleep(time.Second)
			},
		},
		"stuck below one that is being removed": {
			services: func() []tend.Service {
				return []tend.Service{below(tend.Spec{}, tend.Child{Service: slow("a", time.Minute), Timeout: time.Second}, slow("b", 5*time.Second))}
			},
			then: func(s *tend.Supervisor) {
				_ = s.Remove(s.Status().Services[0].Token)
				time.Sleep(2 * time.Second)
			},
		},
		"being removed": {services: func() []tend.Service { return []tend.Service{slow("a", time.Minute)} }, then: func(s *tend.Supervisor) {
			_ = s.Remove(s.Status().Services[0].Token)
		}},
		"being restarted": {
			services: func() []tend.Service { return []tend.Service{slow("a", time.Minute)} },
			then:     func(s *tend.Supervisor) { _ = s.Restart(s.Status().Services[0].Token, nil) },
			ready:    "root/a is stopping for 0s",
		},
		"stuck": {
			services: func() []tend.Service {
				return []tend.Service{tend.Child{Service: slow("a", time.Minute), Timeout: time.Second}}
			},
			then: func(s *tend.Supervisor) {
				_ = s.Restart(s.Status().Services[0].Token, nil)
				time.Sleep(2 * time.Second)
			},
			ready: "root/a is stuck for 1s, waits for its last run to end",
			alive: "root/a is stuck for 1s, waits for its last run to end",
		},
		"stuck on its way out": {
			services: func() []tend.Service {
				return []tend.Service{tend.Child{Service: slow("a", time.Minute), Timeout: time.Second}}
			},
			then: func(s *tend.Supervisor) {
				_ = s.Remove(s.Status().Services[0].Token)
				time.Sleep(2 * time.Second)
			},
		},
		"stopping": {
			services: func() []tend.Service { return []tend.Service{slow("a", 5*time.Second)} },
			then:     func(s *tend.Supervisor) { go s.Stop() },
			ready:    "root is stopping: tend: supervisor was stopped",
		},
		"stopping, with a stuck one": {
			services: func() []tend.Service {
				return []tend.Service{tend.Child{Service: slow("a", time.Minute), Timeout: time.Second}, slow("b", 5*time.Second)}
			},
			then:  func(s *tend.Supervisor) { go s.Stop(); time.Sleep(2 * time.Second) },
			ready: "root is stopping: tend: supervisor was stopped",
		},
		"stopped, with a stuck one": {
			services: func() []tend.Service {
				return []tend.Service{tend.Child{Service: slow("a", time.Minute), Timeout: time.Second}}
			},
			then:  func(s *tend.Supervisor) { s.Stop() },
			ready: "root is not served",
		},
		"a nested one is not served yet": {
			services: func() []tend.Service {
				sub := below(tend.Spec{})
				return []tend.Service{declared{idle("wrapper"), sub}}
			},
			ready: "root/wrapper is starting for 1s",
		},
		"a nested one is being restarted": {
			services: func() []tend.Service { return []tend.Service{below(tend.Spec{}, slow("a", time.Minute))} },
			then:     func(s *tend.Supervisor) { _ = s.Restart(s.Status().Services[0].Token, nil) },
			ready:    "root/sub is stopping for 0s",
			all:      "root/sub is stopping for 0s; root/sub/a is stopping for 0s",
		},
		"six": {
			services: func() []tend.Service {
				return []tend.Service{
					worked("a", tend.Child{}), worked("b", tend.Child{}), worked("c", tend.Child{}),
					worked("d", tend.Child{}), worked("e", tend.Child{}), worked("f", tend.Child{}),
				}
			},
			ready: "root/a is in backoff for 999ms, waits for its delay, 59m59s (boom); and 1 more",
		},
		"stopped": {then: func(s *tend.Supervisor) { s.Stop() }, ready: "root is not served"},
		"never up": {
			services: func() []tend.Service {
				return []tend.Service{below(tend.Spec{}, down("a", tend.Child{ReadyTimeout: time.Minute}))}
			},
			ready: "not all services have been running yet: root/sub/a is in backoff for 1s, waits for its delay, 59m59s (boom)",
			all:   "root/sub/a is in backoff for 1s, waits for its delay, 59m59s (boom)",
		},
		"many": {
			services: func() []tend.Service {
				return []tend.Service{
					worked("a", tend.Child{}), worked("b", tend.Child{}), worked("c", tend.Child{}), worked("d", tend.Child{}),
					worked("e", tend.Child{}), worked("f", tend.Child{}), worked("g", tend.Child{}),
				}
			},
			ready: "root/a is in backoff for 999ms, waits for its delay, 59m59s (boom); and 2 more",
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var services []tend.Service
				if c.services != nil {
					services = c.services()
				}
				s, _, _ := serve(t, tend.Spec{}, services...)
				time.Sleep(time.Second)
				if c.then != nil {
					c.then(s)
				}
				synctest.Wait()
				status := s.Status()
				wantVerdict(t, "ready", status.Ready(), c.ready)
				if c.all == "" {
					c.all = c.ready
				}
				wantVerdict(t, "all running", status.AllRunning(), c.all)
				wantVerdict(t, "alive", status.Alive(), c.alive)
			})
		})
	}
}

// TestWhatFailedLast is why a service is down, as far as that fits.
func TestWhatFailedLast(t *testing.T) {
	long := strings.Repeat("x", 101)
	for text, want := range map[string]string{"last": "last", long[:100]: long[:100], long: long[:100] + "…"} {
		c := tend.ServiceStatus{Path: "root/a", State: tend.StateFailed, Wanted: true}
		for _, text := range []string{"first", text} {
			c.Failures = append(c.Failures, tend.Failure{Err: tend.Reason{Err: errBoom, Text: text}})
		}
		status := tend.Status{Serving: true, Started: true, Services: []tend.ServiceStatus{c}}
		wantVerdict(t, "ready", status.Ready(), "root/a has failed for 0s ("+want+")")
	}
}

// TestNobodyIsDown, and still not all have been running: what the last one said is on
// its way.
func TestNobodyIsDown(t *testing.T) {
	status := tend.Status{Serving: true, Services: []tend.ServiceStatus{{State: tend.StateRunning, Wanted: true}}}
	wantVerdict(t, "ready", status.Ready(), "not all services have been running yet")
}

// wantVerdict compares an error with its text; of "a; and 2 more" only a beginning
// and the end.
func wantVerdict(t *testing.T, what string, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	begin, end, more := strings.Cut(want, "; and")
	if got != want && !(more && strings.HasPrefix(got, begin) && strings.HasSuffix(got, "; and"+end)) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
