package health

import (
	"log/slog"
	"time"

	"github.com/tend-go/tend"
)

// Change says that a probe has come into another state. All that it says was so at the
// moment At, even if it is delivered later.
type Change struct {
	Name, Instance string
	Kind           Kind
	Optional       bool

	// From is the state that the listener was last told, To the one since At. A
	// change that was undone before it could be delivered is never told.
	From, To State
	At       time.Time

	// Failures is how many failures led to Unhealthy, or how many the recovery
	// ends: all since the probe was last well.
	Failures int

	// Err is what the last result said: zero for Healthy, what [Warn] was given for
	// Degraded. Its text is one line of at most 1 KiB, and that of an error of this
	// package is without its prefix. errors.Is and As work, and run the code of the
	// check's author.
	Err     tend.Reason
	Details []slog.Attr // of that result; see [Detail]
}

// LogValue is the change as a group of attributes.
func (c Change) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("probe", c.Name)}
	if c.Instance != "" {
		attrs = append(attrs, slog.String("instance", c.Instance))
	}
	attrs = append(attrs, slog.String("from", c.From.String()), slog.String("to", c.To.String()))
	if c.Failures > 0 {
		attrs = append(attrs, slog.Int("failures", c.Failures))
	}
	if !c.Err.IsZero() {
		attrs = append(attrs, slog.String("error", c.Err.Error()))
	}
	if len(c.Details) > 0 {
		attrs = append(attrs, slog.Attr{Key: "details", Value: slog.GroupValue(c.Details...)})
	}
	return slog.GroupValue(attrs...)
}

// Level is how much the change should worry an operator.
func (c Change) Level() slog.Level {
	switch {
	case c.To == Unhealthy && !c.Optional:
		return slog.LevelError
	case c.To == Unhealthy || c.To == Degraded:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// Result is one result of a probe, and the state that it led to.
type Result struct {
	Name, Instance string
	Kind           Kind
	Optional       bool

	At      time.Time     // when it was known
	Took    time.Duration // since the check was started; 0 for what was reported
	Err     tend.Reason   // zero: success; see Change.Err
	State   State
	Streak  int         // successes, or failures, in a row, this one included
	Details []slog.Attr // see [Detail]
	// Missed is how many results of this probe were not told before this one
	// because OnResult did not keep up.
	Missed int
}
