package periodic

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tend-go/tend"
)

// Ticker makes a service that calls f each time that the period is over, for the
// first time one period after its first start. Calls do not overlap: while one takes
// longer, ticks are left out. An error of f is a failure of the service. Ticks go on
// over its starts: also a service that is always started again before a period is
// over ticks. The context of f is the service's. Each call is a sign of life for
// Child.Watchdog, if that is set to more than the period and a call.
//
// It is a [time.Ticker] under a supervisor and no more. A [Job] begins at once, may
// have jitter and changing intervals, and takes care of failures itself.
//
// It panics if f is nil or the period is not positive.
func Ticker(name string, period time.Duration, f func(ctx context.Context) error) tend.Child {
	if f == nil {
		panic(fmt.Sprintf("tend/periodic: Ticker %q: the function is nil", name))
	}
	if period <= 0 {
		panic(fmt.Sprintf("tend/periodic: Ticker %q: the period is %v", name, period))
	}
	t := &ticks{job: &Job{Interval: period, InitialDelay: period}}
	return tend.Child{Name: name, Service: tend.Func(name, func(ctx context.Context) error {
		t.begin()
		for t.await(ctx) {
			tend.Alive(ctx)
			if err := f(ctx); err != nil {
				return err
			}
		}
		return nil
	})}
}

// ticks are the turns of a Ticker: a schedule of steps as long as the period.
type ticks struct {
	job *Job // has the settings

	mu       sync.Mutex
	schedule schedule
}

func (t *ticks) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.schedule.begin(t.job, time.Now(), 0)
}

// await returns true at the next tick, and false when ctx is done, which goes first.
func (t *ticks) await(ctx context.Context) bool {
	timer := time.NewTimer(time.Until(t.due()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	if ctx.Err() != nil {
		return false
	}
	t.took()
	return true
}

func (t *ticks) due() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.schedule.due()
}

func (t *ticks) took() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.schedule.took(time.Now(), 0)
}
