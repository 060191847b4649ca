package periodic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
	"github.com/tend-go/tend/internal/stopped"
)

// Job runs a function every Interval. It is a [tend.Service]. A Job must not be
// copied, and its fields must not be changed, after the first call of a method.
type Job struct {
	// Name is what the supervisor and the log call it. Default: "periodic job".
	Name string

	// Run does the work. It must return soon after its context is done. What an
	// error means is said in the package documentation.
	Run func(ctx context.Context) error

	// Interval is the time from one turn to the next, until [Job.SetInterval] changes
	// it. Runs start at their turns, or as soon after as they can. It must be
	// positive.
	Interval time.Duration

	// Jitter is the part of the interval up to which a random time is added to
	// each, 0.2 for 20 %; at most 1. Default: none.
	Jitter float64

	// Rest is the least time from the end of one run to the start of the next that
	// nobody asked for. Default: none. With the same as Interval the interval counts
	// from the end of the runs.
	Rest time.Duration

	// InitialDelay and a random time of up to InitialSpread pass between the first
	// start of Serve and the first turn, so that a fleet that is started at once does
	// not stay in step. A Serve that is ended before and started again does not begin
	// anew. Default: none.
	InitialDelay, InitialSpread time.Duration

	// Timeout is when the context of a run ends, with a cause that says so and is
	// [context.DeadlineExceeded]. It does not change what the run's result means.
	// Default: never.
	Timeout time.Duration

	// MaxFailures is after how many failed runs in a row Serve returns an error
	// that wraps the last one, and after as many more again. Default: it goes on for
	// ever.
	MaxFailures int

	// Logger is told of failed runs (as warnings), of the first run that succeeds
	// after them, and of an interval that is not positive. Default: [slog.Default].
	Logger *slog.Logger

	mu       sync.Mutex
	seat     *seat         // at a gate, or nil
	serving  chan struct{} // nil while not served; wakes Serve up
	schedule schedule
	failures int // in a row, also over several Serves; only Serve uses it
}

// String returns the job's name.
func (j *Job) String() string {
	if j.Name == "" {
		return "periodic job"
	}
	return j.Name
}

// Validate returns an error that names the first setting that makes no sense.
func (j *Job) Validate() error {
	bad := func(field string, value any) error {
		return fmt.Errorf("tend/periodic: Job %q: %s is %v", j, field, value)
	}
	if j.Interval <= 0 {
		return bad("Interval", j.Interval)
	}
	if !(0 <= j.Jitter && j.Jitter <= 1) { // also not a number
		return bad("Jitter", j.Jitter)
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"Rest", j.Rest}, {"InitialDelay", j.InitialDelay}, {"InitialSpread", j.InitialSpread}, {"Timeout", j.Timeout},
	} {
		if d.value < 0 {
			return bad(d.field, d.value)
		}
	}
	if j.MaxFailures < 0 {
		return bad("MaxFailures", j.MaxFailures)
	}
	return nil
}

// SetInterval changes the interval from now on, also that of the turn that is being
// waited for: it counts from the last turn, and if that leads to before now the turn
// is due at once, and is what the next interval counts from. The first run does not
// depend on it. A d of 0 or less changes nothing, and the Logger is told. It may be
// called at any time, also before Serve, and what it says survives a restart of the
// job.
func (j *Job) SetInterval(d time.Duration) {
	if d <= 0 {
		j.logger().LogAttrs(context.Background(), slog.LevelWarn, "interval of a periodic job ignored", slog.String("job", j.String()), slog.Duration("interval", d))
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.schedule.set(d, time.Now())
	j.wake()
}

// Trigger asks for a run as soon as possible: now, or once the run that is under
// way has returned; at a [Gate] when there is room. Several calls before that run
// begins make one run. The interval counts from its start. If the job is not being
// served it runs as soon as it is.
func (j *Job) Trigger() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.schedule.asked = true
	j.wake()
}

// wake makes Serve look at the schedule again.
func (j *Job) wake() {
	select {
	case j.serving <- struct{}{}:
	default: // not served, or about to look anyway
	}
}

// take gives the job its place at a gate.
func (j *Job) take(s *seat) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.seat != nil:
		panic(fmt.Sprintf("tend/periodic: Gate.Join: job %q has joined a gate before", j))
	case j.serving != nil:
		panic(fmt.Sprintf("tend/periodic: Gate.Join: job %q is being served", j))
	}
	j.seat = s
}

// Serve runs the job until ctx is done, and returns the context's cause then, or
// what Run returned on the way down if that says more. A setting that makes no
// sense is an error that names it. It panics if Run is nil, or if the job is being
// served already.
func (j *Job) Serve(ctx context.Context) error {
	woken, err := j.begin()
	if err != nil {
		return err
	}
	defer j.end()
	tend.Ready(ctx)
	if j.failures > 0 {
		tend.Annotate(ctx, slog.Int("failures", j.failures))
	}
	for {
		if err := j.await(ctx, woken); err != nil {
			return err
		}
		if err := j.run(ctx); err != nil {
			return err
		}
	}
}

func (j *Job) begin() (<-chan struct{}, error) {
	if j.Run == nil {
		panic(fmt.Sprintf("tend/periodic: Job %q has no Run", j))
	}
	if err := j.Validate(); err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.serving != nil {
		panic(fmt.Sprintf("tend/periodic: Job %q is being served already", j))
	}
	j.serving = make(chan struct{}, 1)
	j.schedule.begin(j, time.Now(), rand.Float64())
	return j.serving, nil
}

func (j *Job) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.serving = nil
	if j.seat != nil {
		j.seat.leave()
	}
}

// await returns nil when the job is to run.
func (j *Job) await(ctx context.Context, woken <-chan struct{}) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var shown time.Time
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		now := time.Now()
		at, runs := j.turn(now)
		if runs {
			return nil
		}
		if !at.Equal(shown) {
			shown = at
			tend.Annotate(ctx, slog.Time("next_run", onWall(at, now)))
		}
		timer.Reset(time.Until(at))
		select {
		case <-timer.C:
		case <-woken:
		case <-ctx.Done():
		}
	}
}

// turn says whether the job is to run now, or when to look again.
func (j *Job) turn(now time.Time) (at time.Time, run bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := &j.schedule
	answer, at := j.ask(now)
	if answer == skips {
		s.took(now, rand.Float64())
		answer, at = j.ask(now)
	}
	if answer != runs {
		return at, false
	}
	s.took(now, rand.Float64())
	return now, true
}

// ask asks the schedule, and the gate if there is one.
func (j *Job) ask(now time.Time) (verdict, time.Time) {
	due := j.schedule.due()
	if j.schedule.asked {
		due = now
	}
	switch {
	case j.seat != nil:
		return j.seat.pass(due, now, j.schedule.asked)
	case due.After(now):
		return waits, due
	}
	return runs, now
}

// run runs the job once. It returns an error if Serve is to end.
func (j *Job) run(ctx context.Context) error {
	tend.Alive(ctx)
	err := j.call(ctx)
	tend.Alive(ctx)
	switch {
	case err == nil:
		j.succeeded(ctx)
		return nil
	case errors.Is(err, tend.ErrDoNotRestart), errors.Is(err, tend.ErrTerminateTree):
		return err
	case stopped.Says(ctx, err):
		return context.Cause(ctx)
	case ctx.Err() != nil: // not counted, as the stop may have caused it
		return err
	}
	return j.failed(ctx, err)
}

func (j *Job) call(ctx context.Context) error {
	defer j.ended()
	if j.Timeout > 0 {
		late := fmt.Errorf("tend/periodic: %s ran for longer than %v: %w", j, j.Timeout, context.DeadlineExceeded)
		timed, cancel := context.WithTimeoutCause(ctx, j.Timeout, late)
		defer cancel()
		ctx = stopped.Between(ctx, timed)
	}
	return j.Run(ctx)
}

func (j *Job) ended() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.schedule.ended = time.Now()
}

// succeeded ends the failures in a row.
func (j *Job) succeeded(ctx context.Context) {
	if j.failures > 0 {
		j.log(ctx, slog.LevelInfo, "periodic job recovered")
		tend.Annotate(ctx, slog.Int("failures", 0))
	}
	j.failures = 0
}

// failed counts a failed run. It returns an error if it was one too many.
func (j *Job) failed(ctx context.Context, err error) error {
	j.failures++
	j.log(ctx, slog.LevelWarn, "periodic job failed", slog.String("error", tend.NewReason(ctx, err).Error()))
	tend.Annotate(ctx, slog.Int("failures", j.failures), slog.Any("last_error", err))
	if j.MaxFailures > 0 && j.failures%j.MaxFailures == 0 {
		return fmt.Errorf("tend/periodic: %s failed %s in a row: %w", j, said.Times(j.MaxFailures, "time"), err)
	}
	return nil
}

func (j *Job) log(ctx context.Context, level slog.Level, msg string, attrs ...slog.Attr) {
	attrs = append([]slog.Attr{slog.String("job", j.String()), slog.Int("failures", j.failures)}, attrs...)
	j.logger().LogAttrs(ctx, level, msg, attrs...)
}

func (j *Job) logger() *slog.Logger {
	if j.Logger == nil {
		return slog.Default()
	}
	return j.Logger
}
