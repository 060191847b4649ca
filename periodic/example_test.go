package periodic_test

import (
	"context"
	"fmt"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/periodic"
)

// A job under a supervisor. It ends itself here so that the example does.
func ExampleJob() {
	n := 0
	count := &periodic.Job{
		Name:     "count",
		Interval: time.Millisecond,
		Run: func(context.Context) error {
			if n++; n == 3 {
				return tend.ErrTerminateTree
			}
			return nil
		},
	}
	s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	s.Add(count)
	_ = s.Serve(context.Background())
	fmt.Println(n, "runs")
	// Output: 3 runs
}

// An agent whom the server tells when to report next.
func ExampleJob_SetInterval() {
	ctx, cancel := context.WithCancel(context.Background())
	report := &periodic.Job{Name: "report", Interval: time.Hour}
	answers := []time.Duration{2 * time.Millisecond, time.Millisecond, time.Hour}
	report.Run = func(context.Context) error {
		next := answers[0]
		answers = answers[1:]
		report.SetInterval(next)
		fmt.Println("reported, next in", next)
		if len(answers) == 0 {
			cancel()
		}
		return nil
	}
	_ = report.Serve(ctx)
	// Output:
	// reported, next in 2ms
	// reported, next in 1ms
	// reported, next in 1h0m0s
}

// A service that is called from time to time.
func ExampleTicker() {
	ctx, cancel := context.WithCancel(context.Background())
	turn := 0
	tick := periodic.Ticker("refresh", time.Millisecond, func(context.Context) error {
		if turn++; turn == 3 {
			cancel()
		}
		return nil
	})
	fmt.Println(tick.Serve(ctx), turn)
	// Output: <nil> 3
}

// Aliyun's agent looks at its plugins in two ways that must not meet: a scan every
// 15 minutes, which goes first, and a pull every 5.
func ExampleGate() {
	scan := &periodic.Job{Name: "scan", Interval: 15 * time.Minute, InitialSpread: time.Minute}
	pull := &periodic.Job{Name: "pull", Interval: 5 * time.Minute, InitialDelay: time.Minute, InitialSpread: time.Minute}
	gate := &periodic.Gate{MinGap: time.Minute}
	gate.Join(scan, pull)
}
