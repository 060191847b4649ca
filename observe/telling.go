package observe

import (
	"fmt"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
)

// telling is what a page tells of an event: the words for it, which are made here
// and nowhere else, and what goes with them.
type telling struct {
	word   string      // what happened
	text   string      // what else there is to say
	reason tend.Reason // why; what happens again for the same is folded
	stacks string
}

func tell(e tend.Event) telling {
	switch e := e.(type) {
	case tend.SupervisorStarted:
		return telling{word: "supervisor started", text: said.Times(e.Services, "service")}
	case tend.SupervisorStopping:
		return telling{word: "supervisor stopping", text: because(e.Cause), reason: e.Cause}
	case tend.SupervisorStopped:
		return tellStopped(e)
	case tend.PauseBegan:
		lasts := said.Brief(e.Until.Sub(e.Time))
		return telling{word: "pause began", text: fmt.Sprintf("for %s, failure count %.1f is over %g", lasts, e.Count, e.Threshold)}
	case tend.PauseEnded:
		return telling{word: "pause ended", text: "after " + said.Brief(e.Lasted)}
	case tend.Escalated:
		text := fmt.Sprintf("failure count %.1f is over %g, the last was %s: %s", e.Err.Count, e.Err.Threshold, e.Err.Service, e.Err.Last.Error())
		return telling{word: "escalated", text: text, reason: e.Err.Last}
	case tend.EventsDropped:
		return telling{word: "events dropped", text: said.Times(e.N, "event")}
	case tend.ServiceStarted, tend.ServiceReady, tend.ServiceUnresponsive, tend.ServiceFailed, tend.ServiceEnded, tend.ServiceChanged,
		tend.ServiceAlsoFailed, tend.MessagesLost, tend.ServiceStuck, tend.ServiceGaveUp, tend.ServiceRefused:
		return tellService(e)
	}
	return telling{}
}

// tellService is tell for what happens to services. Their name stands next to the
// word.
func tellService(e tend.Event) telling {
	switch e := e.(type) { //nolint:gochecksumtype // tell has the others
	case tend.ServiceStarted:
		return tellStarted(e)
	case tend.ServiceReady:
		return telling{word: "ready", text: "after " + said.Brief(e.Took)}
	case tend.ServiceUnresponsive:
		return telling{word: "unresponsive", text: because(e.Cause), reason: e.Cause, stacks: e.Stacks}
	case tend.ServiceFailed:
		return tellFailed(e)
	case tend.ServiceEnded:
		return tellEnded(e)
	case tend.ServiceChanged:
		return telling{word: "changed", text: "now " + e.Next.String(), reason: e.Cause}
	case tend.ServiceAlsoFailed:
		return telling{word: "also failed", text: e.Err.Error(), reason: e.Err}
	case tend.MessagesLost:
		return telling{word: "lost messages", text: fmt.Sprintf("%d of %s: %s", e.N, e.Message, because(e.Cause)), reason: e.Cause}
	case tend.ServiceStuck:
		return telling{word: "stuck", text: "has not returned after " + said.Brief(e.Waited), reason: e.Cause, stacks: e.Stacks}
	case tend.ServiceGaveUp:
		return tellGaveUp(e)
	case tend.ServiceRefused:
		return telling{word: "refused", text: fmt.Sprintf("there are %d already", e.Limit)}
	}
	return telling{}
}

func tellStopped(e tend.SupervisorStopped) telling {
	t := telling{word: "supervisor stopped", text: because(e.Cause), reason: e.Cause}
	if e.Unstopped > 0 {
		t.text += fmt.Sprintf(", %s still running", said.Times(e.Unstopped, "service"))
	}
	return t
}

// tellStarted: a first start is nothing special.
func tellStarted(e tend.ServiceStarted) telling {
	t := telling{word: "started"}
	if e.Restarts > 0 {
		t.text = said.Times(e.Restarts, "restart")
	}
	return t
}

func tellFailed(e tend.ServiceFailed) telling {
	t := telling{word: "failed", text: e.Err.Error(), reason: e.Err}
	switch {
	case !e.Restarting:
		t.text += ", not restarted"
	case e.Delay > 0:
		t.text += ", restarts in " + said.Brief(e.Delay)
	}
	t.text += late(e.Late)
	return t
}

func tellEnded(e tend.ServiceEnded) telling {
	t := telling{word: "ended", text: "now " + e.Next.String(), reason: e.Err}
	if !e.Err.IsZero() {
		t.text = e.Err.Error() + ", " + t.text
	}
	t.text += late(e.Late)
	return t
}

// late is what is added of a run that had been reported as stuck.
func late(after time.Duration) string {
	if after == 0 {
		return ""
	}
	return ", " + said.Brief(after) + " after it was reported as stuck"
}

func tellGaveUp(e tend.ServiceGaveUp) telling {
	text := fmt.Sprintf("%s %s, not restarted any more: %s", said.Times(e.Failures, "failure"), within(e.Within), e.Err.Error())
	return telling{word: "gave up", text: text, reason: e.Err}
}

// within is the time of a [tend.Limit].
func within(d time.Duration) string {
	if d == 0 {
		return "in a row"
	}
	return "in " + said.Setting(d)
}

// because is why something is being stopped: the page's words for what tend itself
// says, and for anything else what it says.
func because(r tend.Reason) string {
	for _, known := range reasons {
		if r.Err == known.err { //nolint:errorlint // errors.Is runs code of the error
			return known.text
		}
	}
	return r.Error()
}

var reasons = []struct {
	err  error
	text string
}{
	{tend.ErrRemoved, "it was removed"},
	{tend.ErrReplaced, "it was replaced"},
	{tend.ErrSuspended, "it was suspended"},
	{tend.ErrRestartRequested, "restart was requested"},
	{tend.ErrSiblingFailed, "a sibling failed and the group restarts"},
	{tend.ErrUnresponsive, "it did not call Alive in time"},
	{tend.ErrNotReady, "it was not ready in time"},
	{tend.ErrStopped, "the supervisor was stopped"},
}
