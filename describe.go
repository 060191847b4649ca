package tend

import (
	"fmt"
	"log/slog"
	"time"
)

// description is an event as people read it.
type description struct {
	kind  string // "service failed"
	level slog.Level
	text  string // what String adds to path and kind
	attrs []slog.Attr
}

// describe says all that there is to say about an event: the one table of words
// for it.
func describe(e Event) description {
	switch e := e.(type) {
	case SupervisorStarted, SupervisorStopping, SupervisorStopped, PauseBegan, PauseEnded, Escalated, EventsDropped, ServiceRefused:
		return describeSupervisor(e)
	case ServiceStarted:
		return description{
			"service started", slog.LevelDebug, times(e.Restarts, "restart"),
			[]slog.Attr{slog.Uint64("restarts", e.Restarts)},
		}
	case ServiceReady:
		return description{
			"service ready", slog.LevelDebug, "after " + brief(e.Took),
			[]slog.Attr{slog.Duration("took", e.Took)},
		}
	case ServiceUnresponsive:
		return description{
			"service unresponsive", slog.LevelError, e.Cause.Error(),
			[]slog.Attr{slog.String("cause", e.Cause.Error()), slog.String("stacks", e.Stacks)},
		}
	case ServiceFailed:
		return e.describe()
	case ServiceEnded:
		return e.describe()
	case ServiceStuck:
		return description{
			"service stuck", slog.LevelError, "has not returned after " + brief(e.Waited),
			[]slog.Attr{slog.Duration("waited", e.Waited), slog.String("stacks", e.Stacks)},
		}
	case ServiceEndedLate:
		return description{
			"service ended late", slog.LevelWarn, brief(e.Late) + " after it was reported as stuck",
			[]slog.Attr{slog.Duration("late", e.Late)},
		}
	case ServiceGaveUp:
		return e.describe()
	}
	return description{kind: "unknown event"}
}

func describeSupervisor(e Event) description {
	switch e := e.(type) {
	case SupervisorStarted:
		return description{
			"supervisor started", slog.LevelDebug, times(uint64(e.Services), "service"),
			[]slog.Attr{slog.Int("services", e.Services)},
		}
	case SupervisorStopping:
		d := description{"supervisor stopping", slog.LevelDebug, e.text, nil}
		if e.text != "" {
			d.attrs = append(d.attrs, slog.String("cause", e.text))
		}
		return d
	case SupervisorStopped:
		return e.describe()
	case PauseBegan:
		return description{
			"pause began", slog.LevelWarn,
			fmt.Sprintf("until %s, failure count %.1f is over %g", e.Until.Format(time.TimeOnly), e.Count, e.Threshold),
			[]slog.Attr{slog.Time("until", e.Until), slog.Float64("count", e.Count), slog.Float64("threshold", e.Threshold)},
		}
	case PauseEnded:
		return description{
			"pause ended", slog.LevelInfo, "after " + brief(e.Lasted),
			[]slog.Attr{slog.Duration("lasted", e.Lasted)},
		}
	case Escalated:
		return description{
			"escalated", slog.LevelError, e.Err.Error(),
			[]slog.Attr{
				slog.Float64("count", e.Err.Count), slog.Float64("threshold", e.Err.Threshold),
				slog.String("last", e.Err.Service), slog.String("error", e.Err.text),
			},
		}
	case EventsDropped:
		return description{"events dropped", slog.LevelWarn, times(e.N, "event"), []slog.Attr{slog.Uint64("dropped", e.N)}}
	case ServiceRefused:
		return description{
			"service refused", slog.LevelError, fmt.Sprintf("there are %d already", e.Limit),
			[]slog.Attr{slog.Int("limit", e.Limit)},
		}
	default:
		return description{kind: "unknown event"}
	}
}

func (e SupervisorStopped) describe() description {
	d := description{"supervisor stopped", slog.LevelInfo, e.text, []slog.Attr{
		slog.String("cause", e.text), slog.Duration("took", e.Took),
	}}
	if e.Unstopped > 0 {
		d.level = slog.LevelError
		d.text += fmt.Sprintf(" (%s still running)", times(uint64(e.Unstopped), "service"))
		d.attrs = append(d.attrs, slog.Int("unstopped", e.Unstopped))
	}
	return d
}

func (e ServiceFailed) describe() description {
	d := description{"service failed", slog.LevelWarn, e.text, []slog.Attr{
		slog.String("error", e.text), slog.Duration("ran", e.Ran),
		slog.Float64("count", e.Count), slog.Float64("threshold", e.Threshold),
		slog.Bool("restarting", e.Restarting), slog.Duration("delay", e.Delay),
	}}
	switch {
	case !e.Restarting:
		d.text += "; not restarted"
	case e.Delay > 0:
		d.text += "; restarts in " + brief(e.Delay)
	}
	if p := panicOf(e.Err); p != nil {
		d.level = slog.LevelError
		d.attrs = append(d.attrs, slog.String("stack", p.Stack()))
	}
	return d
}

func (e ServiceEnded) describe() description {
	d := description{"service ended", slog.LevelDebug, "now " + e.Next.String(), nil}
	if e.Err != nil {
		d.text = e.text + "; " + d.text
		d.attrs = append(d.attrs, slog.String("error", e.text))
	}
	if e.Cause == nil {
		d.level = slog.LevelInfo // by its own will
	}
	if p := panicOf(e.Err); p != nil {
		d.level = slog.LevelError
		d.attrs = append(d.attrs, slog.String("stack", p.Stack()))
	}
	d.attrs = append(d.attrs, slog.Bool("asked", e.Cause != nil))
	if e.Cause != nil {
		d.attrs = append(d.attrs, slog.Duration("took", e.Took))
	}
	d.attrs = append(d.attrs, slog.String("next", e.Next.String()))
	return d
}

func (e ServiceGaveUp) describe() description {
	text := times(uint64(e.Failures), "failure") + " in a row"
	if e.Within > 0 {
		text = times(uint64(e.Failures), "failure") + " within " + brief(e.Within)
	}
	return description{"service gave up", slog.LevelError, text + ", not restarted any more: " + e.text, []slog.Attr{
		slog.Int("failures", e.Failures), slog.Duration("within", e.Within), slog.String("error", e.text),
	}}
}

// panicOf returns err if it is a panic. It asks err nothing.
func panicOf(err error) *PanicError {
	p, _ := err.(*PanicError) //nolint:errorlint // err is what a run ended with, not what it wraps
	return p
}

// brief is a duration without more digits than anybody wants to read.
func brief(d time.Duration) string {
	switch {
	case d >= time.Second:
		d = d.Round(time.Millisecond)
	case d >= time.Millisecond:
		d = d.Round(time.Microsecond)
	}
	return d.String()
}

// times says "1 restart", "2 restarts".
func times(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// line is an event in one line.
func line(e Event) string {
	d := describe(e)
	if d.text == "" {
		return e.From().Path() + ": " + d.kind
	}
	return e.From().Path() + ": " + d.kind + ": " + d.text
}

// value is an event as a group of attributes.
func value(e Event) slog.Value {
	return slog.GroupValue(append([]slog.Attr{slog.String("event", describe(e).kind)}, attrs(e)...)...)
}

// attrs are the attributes of an event: those of its origin, then its own.
func attrs(e Event) []slog.Attr {
	o := e.From()
	list := []slog.Attr{slog.String("supervisor", o.Supervisor)}
	if o.Service != "" {
		list = append(list, slog.String("service", o.Service), slog.Uint64("id", o.Token.ID()),
			slog.Uint64("incarnation", o.Incarnation))
	}
	return append(list, describe(e).attrs...)
}

// The methods of Event that embedding cannot give, for each kind the same.

func (e SupervisorStarted) Level() slog.Level { return describe(e).level }

func (e SupervisorStarted) String() string { return line(e) }

func (e SupervisorStarted) LogValue() slog.Value { return value(e) }

func (e SupervisorStopping) Level() slog.Level { return describe(e).level }

func (e SupervisorStopping) String() string { return line(e) }

func (e SupervisorStopping) LogValue() slog.Value { return value(e) }

func (e SupervisorStopped) Level() slog.Level { return describe(e).level }

func (e SupervisorStopped) String() string { return line(e) }

func (e SupervisorStopped) LogValue() slog.Value { return value(e) }

func (e PauseBegan) Level() slog.Level { return describe(e).level }

func (e PauseBegan) String() string { return line(e) }

func (e PauseBegan) LogValue() slog.Value { return value(e) }

func (e PauseEnded) Level() slog.Level { return describe(e).level }

func (e PauseEnded) String() string { return line(e) }

func (e PauseEnded) LogValue() slog.Value { return value(e) }

func (e Escalated) Level() slog.Level { return describe(e).level }

func (e Escalated) String() string { return line(e) }

func (e Escalated) LogValue() slog.Value { return value(e) }

func (e EventsDropped) Level() slog.Level { return describe(e).level }

func (e EventsDropped) String() string { return line(e) }

func (e EventsDropped) LogValue() slog.Value { return value(e) }

func (e ServiceStarted) Level() slog.Level { return describe(e).level }

func (e ServiceStarted) String() string { return line(e) }

func (e ServiceStarted) LogValue() slog.Value { return value(e) }

func (e ServiceReady) Level() slog.Level { return describe(e).level }

func (e ServiceReady) String() string { return line(e) }

func (e ServiceReady) LogValue() slog.Value { return value(e) }

func (e ServiceUnresponsive) Level() slog.Level { return describe(e).level }

func (e ServiceUnresponsive) String() string { return line(e) }

func (e ServiceUnresponsive) LogValue() slog.Value { return value(e) }

func (e ServiceFailed) Level() slog.Level { return describe(e).level }

func (e ServiceFailed) String() string { return line(e) }

func (e ServiceFailed) LogValue() slog.Value { return value(e) }

func (e ServiceEnded) Level() slog.Level { return describe(e).level }

func (e ServiceEnded) String() string { return line(e) }

func (e ServiceEnded) LogValue() slog.Value { return value(e) }

func (e ServiceStuck) Level() slog.Level { return describe(e).level }

func (e ServiceStuck) String() string { return line(e) }

func (e ServiceStuck) LogValue() slog.Value { return value(e) }

func (e ServiceEndedLate) Level() slog.Level { return describe(e).level }

func (e ServiceEndedLate) String() string { return line(e) }

func (e ServiceEndedLate) LogValue() slog.Value { return value(e) }

func (e ServiceGaveUp) Level() slog.Level { return describe(e).level }

func (e ServiceGaveUp) String() string { return line(e) }

func (e ServiceGaveUp) LogValue() slog.Value { return value(e) }

func (e ServiceRefused) Level() slog.Level { return describe(e).level }

func (e ServiceRefused) String() string { return line(e) }

func (e ServiceRefused) LogValue() slog.Value { return value(e) }
