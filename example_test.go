package tend_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thejerf/abtime"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// The first tree: a service that fails once, and is restarted.
func Example() {
	tries := 0
	done := make(chan struct{})
	root := tend.New("app", tend.Spec{EventHook: func(e tend.Event) {
		if e.Level() >= slog.LevelWarn {
			fmt.Println(e)
		}
	}})
	root.Add(tend.Func("greeter", func(ctx context.Context) error {
		if tries++; tries == 1 {
			return errors.New("lost my voice")
		}
		fmt.Println("hello")
		close(done)
		<-ctx.Done()
		return nil
	}))
	result := root.ServeBackground(context.Background())
	<-done
	root.Stop()
	fmt.Println(<-result)
	// Unordered output:
	// app/greeter: service failed: lost my voice
	// hello
	// <nil>
}

// A Supervisor is a Service: trees nest. What happens below is seen above.
func ExampleSupervisor_nested() {
	pool := tend.New("pool", tend.Spec{Strategy: tend.OneForAll})
	for _, name := range []string{"reader", "writer"} {
		pool.Add(tend.Func(name, func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		}))
	}
	root := tend.New("app", tend.Spec{EventHook: func(tend.Event) {}})
	root.Add(pool)
	root.ServeBackground(context.Background())
	if err := root.WaitReady(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, s := range root.Status().Services[0].Supervisor.Services {
		fmt.Println(s.Path, s.State)
	}
	root.Stop()
	// Output:
	// app/pool/reader running
	// app/pool/writer running
}

// A service with a Limit or a Backoff has a budget of its own: here three failures and it
// stays down, until somebody restarts it.
func ExampleChild_limit() {
	gone := make(chan struct{})
	root := tend.New("app", tend.Spec{EventHook: func(e tend.Event) {
		if gaveUp, is := e.(tend.ServiceGaveUp); is {
			fmt.Println(gaveUp)
			close(gone)
		}
	}})
	root.Add(tend.Child{
		Service: tend.Func("plugin", func(context.Context) error { return errors.New("exit status 1") }),
		Limit:   tend.Limit{N: 3, Within: time.Hour},
	})
	root.ServeBackground(context.Background())
	<-gone
	plugin := root.Status().Services[0]
	fmt.Println(plugin.State, plugin.Recent, "of", plugin.Limit.N)
	root.Stop()
	// Output:
	// app/plugin: service gave up: 3 failures within 1h0m0s, not restarted any more: exit status 1
	// failed 3 of 3
}

// Ordered: the server starts when the database says that it is ready, and stops
// before it.
func ExampleReady() {
	root := tend.New("app", tend.Spec{Ordered: true, EventHook: func(tend.Event) {}})
	root.Add(tend.Child{
		ReadyTimeout: time.Minute,
		Service: tend.Func("database", func(ctx context.Context) error {
			fmt.Println("database is up")
			tend.Ready(ctx)
			<-ctx.Done()
			fmt.Println("database is down")
			return nil
		}),
	})
	up := make(chan struct{})
	root.Add(tend.Func("server", func(ctx context.Context) error {
		fmt.Println("server is up")
		close(up)
		<-ctx.Done()
		fmt.Println("server is down")
		return nil
	}))
	root.ServeBackground(context.Background())
	<-up
	root.Stop()
	// Output:
	// database is up
	// server is up
	// server is down
	// database is down
}

// Restart with a nil cause is a request, not a failure.
func ExampleSupervisor_Restart() {
	runs := make(chan int)
	n := 0
	root := tend.New("app", tend.Spec{EventHook: func(tend.Event) {}})
	token := root.Add(tend.Func("config", func(ctx context.Context) error {
		n++
		runs <- n
		<-ctx.Done()
		fmt.Println(context.Cause(ctx))
		return nil
	}))
	root.ServeBackground(context.Background())
	fmt.Println("run", <-runs)
	if err := root.Restart(token, nil); err != nil {
		fmt.Println(err)
	}
	second := <-runs
	fmt.Println("run", second, "failures", root.Status().Count)
	root.Stop()
	// Output:
	// run 1
	// tend: restart was requested
	// run 2 failures 0
	// tend: supervisor was stopped
}

// Services that come and go, by key: what Add returns is all that has to be remembered.
func ExampleSupervisor_RemoveAndWait() {
	ctx := context.Background()
	feeds := tend.New("feeds", tend.Spec{EventHook: func(tend.Event) {}})
	result := feeds.ServeBackground(ctx)
	tokens := map[string]tend.ServiceToken{}
	for _, url := range []string{"example.org/news", "example.org/weather"} {
		tokens[url] = feeds.Add(tend.Func(url, func(ctx context.Context) error {
			<-ctx.Done()
			fmt.Println(url+":", context.Cause(ctx))
			return nil
		}))
	}
	if err := feeds.WaitReady(ctx); err != nil {
		fmt.Println(err)
	}

	// It is gone: another with its key would not run beside it.
	if err := feeds.RemoveAndWait(ctx, tokens["example.org/news"]); err != nil {
		fmt.Println(err)
	}
	delete(tokens, "example.org/news")

	// The other one goes on with new settings.
	weather := tokens["example.org/weather"]
	if err := feeds.Restart(weather, nil); err != nil {
		fmt.Println(err)
	}
	if err := feeds.WaitState(ctx, weather, tend.StateRunning); err != nil {
		fmt.Println(err)
	}
	for _, s := range feeds.Status().Services {
		fmt.Println(s.Name, "is", s.State, "again, run", s.Incarnation)
	}
	feeds.Stop()
	<-result
	// Output:
	// example.org/news: tend: service was removed
	// example.org/weather: tend: restart was requested
	// example.org/weather is running again, run 2
	// example.org/weather: tend: supervisor was stopped
}

// A service that does not stop is given up on, and named, with where it hangs.
func ExampleSupervisor_UnstoppedServices() {
	release := make(chan struct{})
	root := tend.New("app", tend.Spec{Timeout: time.Millisecond, EventHook: func(tend.Event) {}})
	token := root.Add(tend.Func("deaf", func(context.Context) error {
		<-release
		return nil
	}))
	root.ServeBackground(context.Background())
	if err := root.WaitReady(context.Background()); err != nil {
		fmt.Println(err)
	}
	root.Stop()
	for _, u := range root.UnstoppedServices() {
		fmt.Println(u.Path(), "hangs:", strings.Contains(u.Stacks, "ExampleSupervisor_UnstoppedServices"))
	}
	close(release)
	fmt.Println(root.RemoveAndWait(context.Background(), token))
	// Output:
	// app/deaf hangs: true
	// <nil>
}

// With a manual clock a test lets time come for one purpose at a time.
func ExampleSpec_clock() {
	clock := abtime.NewManualAtTime(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	events := make(chan tend.Event, 100)
	root := tend.New("app", tend.Spec{
		Clock: clock, FailureThreshold: 0.5, Jitter: -1, EventHook: func(e tend.Event) { events <- e },
	})
	tries := 0
	root.Add(tend.Func("flaky", func(ctx context.Context) error {
		if tries++; tries == 1 {
			return errors.New("boom")
		}
		<-ctx.Done()
		return nil
	}))
	root.ServeBackground(context.Background())
	for e := range events {
		switch e.(type) {
		case tend.PauseBegan:
			fmt.Println(e)
			clock.Trigger(tendtest.PauseTimer) // no waiting for 15 seconds
		case tend.PauseEnded:
			fmt.Println(e)
			root.Stop()
		case tend.SupervisorStopped:
			return
		}
	}
	// Output:
	// app: pause began: until 00:00:15, failure count 1.0 is over 0.5
	// app: pause ended: after 15s
}

// The status of a tree as text.
func ExampleStatus_String() {
	clock := abtime.NewManual()
	root := tend.New("app", tend.Spec{Clock: clock, Ordered: true, EventHook: func(tend.Event) {}})
	root.Add(tend.Child{
		ReadyTimeout: time.Minute,
		Service: tend.Func("database", func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		}),
	})
	root.Add(tend.New("servers", tend.Spec{}))
	root.ServeBackground(context.Background())
	fmt.Println(root.Status().Services[0].State)
	clock.Advance(12 * time.Second)
	fmt.Print(root.Status())
	root.Stop()
	// Output:
	// starting
	// service      state     for  restarts  notes
	// app          serving   12s            not ready
	// ├─ database  starting  12s
	// └─ servers   pending   12s            waits for its turn, held by app/database
	// 2 services: 1 starting, 1 pending
}

// TestInVirtualTime is how a program's own tests may look: under testing/synctest
// the real clock is exact, and minutes pass in no time.
func TestInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("app", tend.Spec{EventHook: func(tend.Event) {}})
		root.Add(tend.Child{
			Service: tend.Func("flaky", func(context.Context) error { return errors.New("boom") }),
			Backoff: tend.Backoff{Min: time.Second, Max: time.Minute}, Limit: tend.Limit{N: 10},
		})
		begin := time.Now()
		root.ServeBackground(t.Context())
		time.Sleep(time.Hour)
		flaky := root.Status().Services[0]
		if took := flaky.Since.Sub(begin); flaky.State != tend.StateFailed || took != (1+2+4+8+16+32+60+60+60)*time.Second {
			t.Errorf("it is %v after %v", flaky.State, took)
		}
		root.Stop()
	})
}

// A service whose settings have changed is replaced without a gap: the old one serves until
// the new one is ready.
func ExampleSupervisor_ReplaceWhenReady() {
	server := func(version int) tend.Service {
		return tend.Child{Name: "server", ReadyTimeout: time.Minute, Service: tend.Func("", func(ctx context.Context) error {
			if version == 3 {
				return errors.New("no certificate")
			}
			fmt.Println(version, "is up")
			tend.Ready(ctx)
			<-ctx.Done()
			fmt.Println(version, "ends:", context.Cause(ctx))
			return nil
		})}
	}
	root := tend.New("app", tend.Spec{EventHook: func(tend.Event) {}})
	root.ServeBackground(context.Background())
	ctx := context.Background()
	token, _ := root.Start(ctx, server(1))
	fmt.Println(root.ReplaceWhenReady(ctx, token, server(2)))
	fmt.Println(root.ReplaceWhenReady(ctx, token, server(3)))
	root.Stop()
	// Unordered output:
	// 1 is up
	// 2 is up
	// 1 ends: tend: service was replaced
	// <nil>
	// no certificate
	// 2 ends: tend: supervisor was stopped
}
