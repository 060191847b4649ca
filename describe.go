package tend

import (
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/tend-go/tend/internal/said"
)

// description is an event as people read it.
type description struct {
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
		return description{said.Times(e.Restarts, "restart"), []slog.Attr{slog.Uint64("restarts", e.Restarts)}}
	case ServiceReady:
		return description{"after " + said.Brief(e.Took), []slog.Attr{slog.Duration("took", e.Took)}}
	case ServiceUnresponsive:
		return description{
			e.Cause.Error(),
			[]slog.Attr{slog.String("cause", e.Cause.Error()), slog.String("stacks", e.Stacks)},
		}
	case ServiceFailed:
		return e.describe()
	case ServiceEnded:
		return e.describe()
	case ServiceChanged:
		return description{
			"now " + e.Next.String(),
			[]slog.Attr{slog.String("cause", e.Cause.Error()), slog.String("next", e.Next.String())},
		}
	case ServiceAlsoFailed:
		d := description{e.Err.Error(), []slog.Attr{slog.String("error", e.Err.Error())}}
		return d.withStack(e.Err)
	case MessagesLost:
		return description{
			fmt.Sprintf("%d of %s: %s", e.N, e.Message, e.Cause.Error()),
			[]slog.Attr{slog.Uint64("lost", e.N), slog.String("message", e.Message), slog.String("cause", e.Cause.Error())},
		}
	case ServiceStuck:
		return description{
			"has not returned after " + said.Brief(e.Waited),
			[]slog.Attr{
				slog.String("cause", e.Cause.Error()), slog.Duration("waited", e.Waited), slog.String("stacks", e.Stacks),
			},
		}
	case ServiceGaveUp:
		return e.describe()
	}
	return description{}
}

func describeSupervisor(e Event) description {
	switch e := e.(type) {
	case SupervisorStarted:
		return description{
			said.Times(uint64(e.Services), "service"),
			[]slog.Attr{slog.Int("services", e.Services)},
		}
	case SupervisorStopping:
		if e.Cause.Text == "" { // it has not been asked yet
			return description{}
		}
		return description{e.Cause.Text, []slog.Attr{slog.String("cause", e.Cause.Text)}}
	case SupervisorStopped:
		return e.describe()
	case PauseBegan:
		return description{
			fmt.Sprintf("until %s, failure count %.1f is over %g", e.Until.Format(time.TimeOnly), e.Count, e.Threshold),
			[]slog.Attr{slog.Time("until", e.Until), slog.Float64("count", brief(e.Count)), slog.Float64("threshold", e.Threshold)},
		}
	case PauseEnded:
		return description{"after " + said.Brief(e.Lasted), []slog.Attr{slog.Duration("lasted", e.Lasted)}}
	case Escalated:
		return description{
			e.Err.Error(),
			[]slog.Attr{
				slog.Float64("count", brief(e.Err.Count)), slog.Float64("threshold", e.Err.Threshold),
				slog.String("last", e.Err.Service), slog.String("error", e.Err.Last.Error()),
			},
		}
	case EventsDropped:
		return description{said.Times(e.N, "event"), []slog.Attr{slog.Uint64("dropped", e.N)}}
	case ServiceRefused:
		return description{
			fmt.Sprintf("there are %d already", e.Limit),
			[]slog.Attr{slog.Int("limit", e.Limit)},
		}
	default:
		return description{}
	}
}

func (e SupervisorStopped) describe() description {
	d := description{e.Cause.Error(), []slog.Attr{
		slog.String("cause", e.Cause.Error()), slog.Duration("took", e.Took),
	}}
	if e.Unstopped > 0 {
		d.text += fmt.Sprintf(" (%s still running)", said.Times(uint64(e.Unstopped), "service"))
		d.attrs = append(d.attrs, slog.Int("unstopped", e.Unstopped))
	}
	return d
}

func (e ServiceFailed) describe() description {
	d := description{e.Err.Error(), []slog.Attr{
		slog.String("error", e.Err.Error()), slog.Duration("ran", e.Ran),
		slog.Float64("count", brief(e.Count)),
	}}
	if e.Threshold > 0 { // else it has a budget of its own, without a limit
		d.attrs = append(d.attrs, slog.Float64("threshold", e.Threshold))
	}
	d.attrs = append(d.attrs, slog.Bool("restarting", e.Restarting))
	switch {
	case !e.Restarting:
		d.text += "; not restarted"
	case e.Delay > 0:
		d.text += "; restarts in " + said.Brief(e.Delay)
		d.attrs = append(d.attrs, slog.Duration("delay", e.Delay))
	}
	return d.late(e.Late).withStack(e.Err)
}

func (e ServiceEnded) describe() description {
	d := description{"now " + e.Next.String(), nil}
	asked := !e.Cause.IsZero()
	wish := !asked && !e.Unclean && e.Err.Err == ErrDoNotRestart                      //nolint:errorlint // what wraps it says more
	if !e.Err.IsZero() && !wish && (e.Unclean || !asked || e.Err.panicked() != nil) { // else it says that it was asked, or asks
		d.text = e.Err.Error() + "; " + d.text
		d.attrs = append(d.attrs, slog.String("error", e.Err.Error()))
	}
	d = d.withStack(e.Err)
	d.attrs = append(d.attrs, slog.Bool("asked", asked))
	if asked {
		d.attrs = append(d.attrs, slog.Duration("took", e.Took))
	}
	d.attrs = append(d.attrs, slog.String("next", e.Next.String()))
	return d.late(e.Late)
}

// brief is a failure count as it is shown: with two digits after the point.
func brief(count float64) float64 { return math.Round(count*100) / 100 }

// late adds that a run had been reported as stuck, so long before it ended.
func (d description) late(after time.Duration) description {
	if after == 0 {
		return d
	}
	d.text += "; " + said.Brief(after) + " after it was reported as stuck"
	d.attrs = append(d.attrs, slog.Duration("late", after))
	return d
}

// withStack adds the stack of a panic.
func (d description) withStack(r Reason) description {
	if p := r.panicked(); p != nil {
		d.attrs = append(d.attrs, slog.String("stack", p.Stack()))
	}
	return d
}

func (e ServiceGaveUp) describe() description {
	text := said.Times(uint64(e.Failures), "failure") + " in a row"
	if e.Within > 0 {
		text = said.Times(uint64(e.Failures), "failure") + " within " + said.Brief(e.Within)
	}
	return description{text + ", not restarted any more: " + e.Err.Error(), []slog.Attr{
		slog.Int("failures", e.Failures), slog.Duration("within", e.Within), slog.String("error", e.Err.Error()),
	}}
}

// line is an event in one line.
func line(e Event) string {
	d := describe(e)
	if d.text == "" {
		return e.From().Path() + ": " + e.Kind().String()
	}
	return e.From().Path() + ": " + e.Kind().String() + ": " + d.text
}

// value is an event as a group of attributes.
func value(e Event) slog.Value {
	return slog.GroupValue(append([]slog.Attr{slog.String("event", e.Kind().String())}, attrs(e)...)...)
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
