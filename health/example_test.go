package health_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

// A service is restarted when it is sick, and not because the database is.
func Example() {
	root := tend.New("root", tend.Spec{})
	prober, err := health.New(health.Config{Tree: root})
	if err != nil {
		fmt.Println(err)
		return
	}
	worker := tend.Func("worker", func(ctx context.Context) error {
		for ctx.Err() == nil {
			health.Beat(ctx) // where the work is done
			time.Sleep(time.Millisecond)
		}
		return ctx.Err()
	})
	guarded, err := prober.Guard("worker", worker,
		health.Probe{Name: "progress", Kind: health.Liveness, MaxAge: time.Minute, FailureThreshold: 1},
		health.Probe{Name: "database", Check: health.TCP("localhost:5432")})
	if err != nil {
		fmt.Println(err)
		return
	}
	root.Add(prober)
	root.Add(guarded)
	http.Handle("/livez", prober.Handler(health.Liveness, nil))
	http.Handle("/readyz", prober.Handler(health.Readiness, nil))
}

// Rounds by hand: the same results lead to the same callbacks in the same order.
func ExampleProber_Tick() {
	prober, err := health.New(health.Config{OnChange: func(_ context.Context, c health.Change) error {
		fmt.Printf("%s: %v -> %v after %d failures: %s\n", c.Name, c.From, c.To, c.Failures, c.Err)
		return nil // an error: tell me again
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	full := errors.New("disk is full")
	err = prober.Add(health.Probe{Name: "disk", FailureThreshold: 2, Check: func(context.Context) error { return full }})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		if err := prober.CheckNow(context.Background()); err != nil {
			fmt.Println(err)
		}
	}
	full = nil
	if err := prober.CheckNow(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// disk: unknown -> unhealthy after 2 failures: disk is full
	// disk: unhealthy -> healthy after 3 failures:
}

// A source lists the probes that there should be; each time, what it does not list
// any more is forgotten.
func ExampleProbe_list() {
	prober, err := health.New(health.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	containers := map[string]string{"web": "c1", "db": "c2"} // name to id
	err = prober.Add(health.Probe{Name: "containers", List: func(context.Context) (probes []health.Probe, err error) {
		for name, id := range containers {
			probes = append(probes, health.Probe{Name: name + ":up", Instance: id, Check: func(context.Context) error { return nil }})
		}
		return probes, nil
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	show := func() {
		if err := prober.CheckNow(context.Background()); err != nil {
			fmt.Println(err)
		}
		for _, p := range prober.Snapshot(health.Readiness).Probes {
			fmt.Println(p.Name, p.Instance, p.State)
		}
	}
	show()
	containers["web"] = "c3" // starts afresh
	delete(containers, "db")
	show()
	// Output:
	// containers  healthy
	// db:up c2 healthy
	// web:up c1 healthy
	// containers  healthy
	// web:up c3 healthy
}
