package observe

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tend-go/tend"
)

// entriesOf is what a page's log has of events.
func entriesOf(events ...tend.Event) []entry {
	h := newHub(newFakeTree(tend.Status{}), len(events))
	h.collect(slices.Values(events))
	entries := slices.Collect(h.journal.newest())
	slices.Reverse(entries)
	return entries
}

// An event of each kind, and the words that a page shows of it.
func TestEntries(t *testing.T) {
	const debug, info, warn, bad = slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError
	at := time.UnixMilli(1_700_000_000_123)
	token := supervisor("db", "pool").Status().Services[0].Token
	of := tend.Origin{Time: at, Supervisor: "root/db", Service: "pool", Token: token, Incarnation: 3}
	sup := tend.Origin{Time: at, Supervisor: "root/db"}
	slash := tend.Origin{Time: at, Supervisor: "root/a%2Fb", Service: "50%", Token: token}
	boom := tend.Reason{Err: errors.New("boom"), Text: "boom"}
	known := func(err error) tend.Reason { return tend.Reason{Err: err, Text: err.Error()} }
	shown := map[tend.Kind]bool{}
	for _, c := range []struct {
		event tend.Event
		level slog.Level
		word  string
		text  string
	}{
		{tend.SupervisorStarted{Origin: sup, Services: 2}, debug, "supervisor started", "2 services"},
		{tend.SupervisorStopping{Origin: sup, Cause: known(tend.ErrStopped)}, debug, "supervisor stopping", "the supervisor was stopped"},
		{tend.SupervisorStopped{Origin: sup, Cause: boom}, info, "supervisor stopped", "boom"},
		{tend.SupervisorStopped{Origin: sup, Cause: boom, Unstopped: 1}, bad, "supervisor stopped", "boom, 1 service still running"},
		{tend.PauseBegan{Origin: sup, Until: at.Add(90 * time.Second), Count: 5.26, Threshold: 5}, warn, "pause began", "for 1m30s, failure count 5.3 is over 5"},
		{tend.PauseEnded{Origin: sup, Lasted: time.Minute}, info, "pause ended", "after 1m0s"},
		{
			tend.Escalated{Origin: sup, Err: &tend.TooManyFailures{Supervisor: "root/db", Service: "pool", Count: 5.26, Threshold: 5, Last: boom}},
			bad, "escalated", "failure count 5.3 is over 5, the last was pool: boom",
		},
		{tend.EventsDropped{Origin: sup, N: 3}, warn, "events dropped", "3 events"},
		{tend.ServiceStarted{Origin: of}, debug, "started", ""},
		{tend.ServiceStarted{Origin: of, Restarts: 1}, debug, "started", "1 restart"},
		{tend.ServiceStarted{Origin: of, Restarts: 2}, debug, "started", "2 restarts"},
		{tend.ServiceReady{Origin: of, Took: time.Second + 1234}, debug, "ready", "after 1s"},
		{tend.ServiceUnresponsive{Origin: of, Cause: known(tend.ErrNotReady), Stacks: "main.g"}, bad, "unresponsive", "it was not ready in time"},
		{tend.ServiceFailed{Origin: of, Err: boom, Restarting: true, Delay: 2*time.Second + 1234}, warn, "failed", "boom, restarts in 2s"},
		{tend.ServiceFailed{Origin: of, Err: boom, Restarting: true}, warn, "failed", "boom"},
		{tend.ServiceFailed{Origin: of, Err: boom}, warn, "failed", "boom, not restarted"},
		{tend.ServiceEnded{Origin: of, Next: tend.StateDone}, info, "ended", "now done"},
		{tend.ServiceEnded{Origin: of, Err: boom, Cause: known(tend.ErrRemoved), Next: tend.StateGone}, debug, "ended", "boom, now gone"},
		{tend.ServiceChanged{Origin: of, Cause: known(tend.ErrRemoved), Next: tend.StateGone}, debug, "changed", "now gone"},
		{tend.ServiceAlsoFailed{Origin: of, Err: boom}, warn, "also failed", "boom"},
		{tend.MessagesLost{Origin: of, N: 3, Message: "main.order", Cause: boom}, warn, "lost messages", "3 of main.order: boom"},
		{tend.ServiceStuck{Origin: of, Cause: boom, Waited: time.Second + 1234, Stacks: "main.f"}, bad, "stuck", "has not returned after 1s"},
		{tend.ServiceEnded{Origin: of, Late: time.Minute, Next: tend.StateGone}, warn, "ended", "now gone, 1m0s after it was reported as stuck"},
		{tend.ServiceFailed{Origin: of, Err: boom, Late: time.Minute, Restarting: true}, warn, "failed", "boom, 1m0s after it was reported as stuck"},
		{tend.ServiceGaveUp{Origin: of, Err: boom, Failures: 3}, bad, "gave up", "3 failures in a row, not restarted any more: boom"},
		{tend.ServiceGaveUp{Origin: slash, Err: boom, Failures: 1, Within: time.Hour}, bad, "gave up", "1 failure in 1h, not restarted any more: boom"},
		{tend.ServiceRefused{Origin: of, Limit: 7}, bad, "refused", "there are 7 already"},
	} {
		want := entry{Time: at.UnixMilli(), Kind: c.event.Kind().String(), Level: c.level, Word: c.word, Text: c.text}
		switch c.event.From() {
		case of:
			want.ID, want.Name, want.Path = token.ID(), "pool", "root/db/pool"
		case sup:
			want.Name, want.Path = "db", "root/db"
		case slash:
			want.ID, want.Name, want.Path = token.ID(), "50%", "root/a%2Fb/50%25"
		}
		switch e := c.event.(type) {
		case tend.ServiceUnresponsive:
			want.Stacks = e.Stacks
		case tend.ServiceStuck:
			want.Stacks = e.Stacks
		}
		if d := cmp.Diff([]entry{want}, entriesOf(c.event), cmpopts.IgnoreFields(entry{}, "Same")); d != "" {
			t.Errorf("%T: -want +got\n%s", c.event, d)
		}
		shown[c.event.Kind()] = true
	}
	for kind := tend.Kind(0); ; kind++ {
		e, err := kind.Decode([]byte(`{"error": {}}`))
		if err != nil {
			break
		}
		if !shown[e.Kind()] {
			t.Errorf("no event of kind %q", kind)
		}
	}
}

// What tend says of itself has words of the page's own; all else is quoted.
func TestCauses(t *testing.T) {
	for _, c := range []struct {
		cause error
		text  string
		want  string
	}{
		{tend.ErrRemoved, "", "it was removed"},
		{tend.ErrSuspended, "", "it was suspended"},
		{tend.ErrRestartRequested, "", "restart was requested"},
		{tend.ErrSiblingFailed, "", "a sibling failed and the group restarts"},
		{tend.ErrUnresponsive, "", "it did not call Alive in time"},
		{tend.ErrNotReady, "", "it was not ready in time"},
		{tend.ErrStopped, "", "the supervisor was stopped"},
		{nil, "boom", "boom"},
		{hostile{"tend: service was removed"}, "the plan changed", "the plan changed"},
		{hostile{}, "", "observe.hostile"}, // nobody has asked it yet
	} {
		got := entriesOf(tend.SupervisorStopping{Cause: tend.Reason{Err: c.cause, Text: c.text}})
		if got[0].Text != c.want {
			t.Errorf("%T: %q, want %q", c.cause, got[0].Text, c.want)
		}
	}
}

// hostile is an error that nobody may ask anything, and that cannot be compared.
type hostile []string

func (hostile) Error() string   { panic("asked") }
func (hostile) Is(error) bool   { panic("asked") }
func (hostile) Unwrap() []error { panic("asked") }

// What a page may fold: what happened again in one supervisor for the same reason,
// whatever counts and durations are told of it.
func TestSame(t *testing.T) {
	of := tend.Origin{Supervisor: "root/db", Service: "pool"}
	next := tend.Origin{Supervisor: "root/db", Service: "cache", Incarnation: 7}
	other := tend.Origin{Supervisor: "root/web", Service: "pool"}
	boom, bang := tend.Reason{Err: errors.New("boom"), Text: "boom"}, tend.Reason{Text: "bang"}
	for _, c := range []struct {
		what string
		a, b tend.Event
		want bool
	}{
		{"counts", tend.ServiceStarted{Origin: of, Restarts: 1}, tend.ServiceStarted{Origin: of, Restarts: 2}, true},
		{"services", tend.ServiceStarted{Origin: of}, tend.ServiceStarted{Origin: next}, true},
		{"supervisors", tend.ServiceStarted{Origin: of}, tend.ServiceStarted{Origin: other}, false},
		{"kinds", tend.ServiceStarted{Origin: of}, tend.ServiceReady{Origin: of}, false},
		{"kinds with a reason", tend.ServiceFailed{Origin: of, Err: boom}, tend.ServiceGaveUp{Origin: of, Err: boom}, false},
		{"failures", tend.ServiceFailed{Origin: of, Err: boom}, tend.ServiceFailed{Origin: of, Err: bang}, false},
		{"errors that say the same", tend.ServiceFailed{Origin: of, Err: boom}, tend.ServiceFailed{Origin: next, Err: tend.Reason{Text: "boom"}, Delay: 1}, true},
		{"causes of silence", tend.ServiceUnresponsive{Origin: of, Cause: boom}, tend.ServiceUnresponsive{Origin: of, Cause: bang}, false},
		{"causes of a stop that hangs", tend.ServiceStuck{Origin: of, Cause: boom}, tend.ServiceStuck{Origin: of, Cause: bang}, false},
		{"ends", tend.ServiceEnded{Origin: of, Err: boom}, tend.ServiceEnded{Origin: of}, false},
		{"causes of an end", tend.ServiceEnded{Origin: of, Cause: boom}, tend.ServiceEnded{Origin: of, Cause: bang}, true},
		{"what gave up", tend.ServiceGaveUp{Origin: of, Err: boom, Failures: 1}, tend.ServiceGaveUp{Origin: of, Err: boom, Failures: 2}, true},
		{"stops", tend.SupervisorStopped{Cause: boom}, tend.SupervisorStopped{Cause: bang}, false},
		{
			"escalations",
			tend.Escalated{Err: &tend.TooManyFailures{Last: boom, Count: 5}},
			tend.Escalated{Err: &tend.TooManyFailures{Last: boom, Count: 6}},
			true,
		},
	} {
		if e := entriesOf(c.a, c.b); (e[0].Same == e[1].Same) != c.want {
			t.Errorf("other %s: the same is %v", c.what, !c.want)
		}
	}
}
