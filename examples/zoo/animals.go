package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"github.com/tend-go/tend"
)

// addAnimals fills root with the tree that one comes to see.
func addAnimals(root *tend.Supervisor) {
	for _, house := range []*tend.Supervisor{
		web(), plugins(), database(), game(), workers(), slow(), offices(), strange(), deep(), tend.New("empty", tend.Spec{}),
	} {
		root.Add(house)
	}
	root.Add(escalator())
}

// idle runs and does nothing.
func idle(name string, notes ...slog.Attr) tend.Service {
	return tend.Func(name, func(ctx context.Context) error {
		tend.Annotate(ctx, notes...)
		<-ctx.Done()
		return ctx.Err()
	})
}

// failing runs for d and returns err.
func failing(name string, d time.Duration, err error) tend.Service {
	return tend.Func(name, func(ctx context.Context) error {
		if !sleep(ctx, d) {
			return ctx.Err()
		}
		return err
	})
}

// sleep waits for d; it returns false if ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func addAll(s *tend.Supervisor, services ...tend.Service) *tend.Supervisor {
	for _, svc := range services {
		s.Add(svc)
	}
	return s
}

// web is healthy, but for one service with a budget of its own.
func web() *tend.Supervisor {
	return addAll(tend.New("web", tend.Spec{}),
		idle("listener", slog.String("address", "127.0.0.1:8443"), slog.Int("connections", 212)),
		idle("acceptor"), idle("sessions", slog.Int("open", 1044)), idle("access-log"), idle("metrics"),
		tend.Child{
			Service: failing("certificates", 2*time.Second, errors.New("acme: 429 rate limited: too many certificates already issued")),
			Backoff: tend.Backoff{Min: 20 * time.Second, Max: 10 * time.Minute, Jitter: 0.1},
		})
}

// plugins goes over its threshold again and again, and pauses. One of them has
// given up, one is suspended.
func plugins() *tend.Supervisor {
	s := tend.New("plugins", tend.Spec{FailureThreshold: 4, FailureBackoff: 25 * time.Second})
	addAll(s, idle("com.example.jira", slog.Int("pid", 41_002)),
		failing("com.example.github", 4*time.Second, errors.New("ping: rpc: connection is shut down")),
		tend.Child{
			Service: failing("com.example.zoom", time.Second, errors.New("exit status 2: panic: runtime error: invalid memory address or nil pointer dereference")),
			Backoff: tend.Backoff{Min: time.Second},
			Limit:   tend.Limit{N: 3, Within: time.Hour},
		})
	autolink := s.Add(idle("com.example.autolink"))
	s.Add(tend.Child{Restart: tend.Temporary, Service: tend.Func("operator", func(context.Context) error {
		return s.Suspend(autolink)
	})})
	return s
}

// database starts in order: what comes after a service that does not get ready
// has to wait.
func database() *tend.Supervisor {
	notReady := tend.Func("replica-sync", func(ctx context.Context) error {
		tend.Annotate(ctx, slog.String("phase", "copying base backup"), slog.Float64("done", 0.41))
		<-ctx.Done()
		return ctx.Err()
	})
	return addAll(tend.New("database", tend.Spec{Strategy: tend.RestForOne}),
		idle("pool", slog.Int("size", 16)), idle("migrations"),
		tend.Child{Service: notReady, ReadyTimeout: 90 * time.Second},
		idle("cache"), idle("search-index"), idle("reports"))
}

// game restarts as a whole when one of its players fails.
func game() *tend.Supervisor {
	s := tend.New("game", tend.Spec{Strategy: tend.OneForAll})
	for i := range 5 {
		s.Add(idle(fmt.Sprintf("player-%d", i+1), slog.Int("score", 100*i)))
	}
	s.Add(failing("referee", 17*time.Second, errors.New("desynchronised at turn 1412")))
	return s
}

// workers end in every way that there is.
func workers() *tend.Supervisor {
	s := tend.New("workers", tend.Spec{})
	patient := tend.Backoff{Min: 8 * time.Second, Max: time.Minute}
	return addAll(s,
		idle("queue", slog.Int("length", 3)), idle("mailer"), idle("thumbnails"),
		tend.Child{Restart: tend.Transient, Service: tend.Func("import", func(context.Context) error { return nil })},
		tend.Child{Backoff: patient, Service: tend.Func("resize", func(ctx context.Context) error {
			if !sleep(ctx, 5*time.Second) {
				return ctx.Err()
			}
			pixels := make([]byte, 1)
			return fmt.Errorf("never reached: %d", pixels[len(pixels)+4])
		})},
		tend.Child{Backoff: patient, Service: tend.Func("goexit", func(ctx context.Context) error {
			if !sleep(ctx, 11*time.Second) {
				return ctx.Err()
			}
			runtime.Goexit()
			return nil
		})},
		tend.Child{Backoff: patient, Service: failing("returns-nil", 7*time.Second, nil)},
		tend.Child{Restart: tend.Permanent, Service: visitors(s)})
}

// visitors keeps adding services that come and go.
func visitors(s *tend.Supervisor) tend.Service {
	return tend.Func("visitors", func(ctx context.Context) error {
		for i := 1; ; i++ {
			s.Add(tend.Child{Restart: tend.Temporary, Service: failing(fmt.Sprintf("visitor-%d", i), 13*time.Second, nil)})
			if !sleep(ctx, 4*time.Second) {
				return ctx.Err()
			}
		}
	})
}

// slow are those that somebody waits for: to start, to answer, to stop.
func slow() *tend.Supervisor {
	s := tend.New("slow", tend.Spec{Timeout: 3 * time.Second})
	stuck := s.Add(tend.Func("ignores-stop", func(ctx context.Context) error {
		waitForDisk(ctx)
		return nil
	}))
	lingering := s.Add(tend.Child{Timeout: time.Minute, Service: tend.Func("slow-to-stop", func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(8 * time.Second) // finishing what was begun
		return ctx.Err()
	})})
	return addAll(s,
		tend.Child{ReadyTimeout: time.Minute, Service: tend.Func("slow-to-start", func(ctx context.Context) error {
			if !sleep(ctx, 40*time.Second) {
				return ctx.Err()
			}
			tend.Ready(ctx)
			return failing("", 40*time.Second, errors.New("warmed up for nothing")).Serve(ctx)
		})},
		tend.Child{Watchdog: 20 * time.Second, Service: tend.Func("falls-silent", func(ctx context.Context) error {
			for range 10 {
				tend.Alive(ctx)
				if !sleep(ctx, 2*time.Second) {
					return ctx.Err()
				}
			}
			<-ctx.Done()
			return ctx.Err()
		})},
		tend.Func("impatient", func(ctx context.Context) error {
			for sleep(ctx, 5*time.Second) {
				_ = s.Restart(stuck, nil)
				_ = s.Restart(lingering, nil)
				if !sleep(ctx, 15*time.Second) {
					break
				}
			}
			return ctx.Err()
		}))
}

// waitForDisk hangs for two minutes whatever happens, as a read from a broken
// network file system does. Its name is what one looks for in the stacks.
func waitForDisk(context.Context) { time.Sleep(2 * time.Minute) }

// strange have names and errors that a page must not trip over.
func strange() *tend.Supervisor {
	s := tend.New("strange", tend.Spec{})
	for i, name := range []string{
		`<script>alert(1)</script>`, `quotes " ' and \ &amp;`, "שלום עולם", "\u202Egnp.exe", "日本語のサービス",
		"a name that is much longer than any name should be, so that one sees how it is cut off when there is no room for it",
		"bad \xff utf-8", "tab\tand\nnewline",
	} {
		s.Add(idle(name, slog.Int("n", i)))
	}
	s.Add(tend.Child{
		Service: failing("a-megabyte", 9*time.Second, errors.New(strings.Repeat("<b>all work and no play</b> ", 40_000))),
		Backoff: tend.Backoff{Min: 9 * time.Second},
	})
	return s
}

// deep has many levels and one sick leaf at the end.
func deep() *tend.Supervisor {
	s := addAll(tend.New("level-6", tend.Spec{}), idle("root-cause"), tend.Child{
		Service: failing("leaf", 3*time.Second, errors.New("dial tcp 10.0.0.7:5432: connect: connection refused")),
		Backoff: tend.Backoff{Min: 12 * time.Second, Max: time.Minute},
		Limit:   tend.Limit{N: 1000},
	})
	for level := 5; level > 0; level-- {
		s = addAll(tend.New(fmt.Sprintf("level-%d", level), tend.Spec{}), s)
	}
	return s
}

// escalator fails as a whole when two of its services have failed, and comes back
// after a delay of its own.
func escalator() tend.Service {
	s := addAll(tend.New("escalator", tend.Spec{Escalate: true, FailureThreshold: 1.5, FailureDecay: time.Minute}),
		failing("step", 10*time.Second, errors.New("motor overheated")), idle("handrail"))
	return tend.Child{Service: s, Backoff: tend.Backoff{Min: 15 * time.Second, Max: time.Minute}}
}
