package tend_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// told are events of every kind, and how each is told.
var told = func() []struct {
	event tend.Event
	level string
	line  string
	attrs string // its own
} {
	at := time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC)
	sup := tend.Origin{Time: at, Supervisor: "root/db"}
	svc := tend.Origin{Time: at, Supervisor: "root/db", Service: "a/b", Token: tokenOf("a/b"), Incarnation: 3}
	boom := tend.Reason{Err: errBoom, Text: "boom"}
	stopped := tend.Reason{Err: tend.ErrStopped, Text: tend.ErrStopped.Error()}
	return []struct {
		event tend.Event
		level string
		line  string
		attrs string
	}{
		{
			tend.SupervisorStarted{Origin: sup, Services: 2},
			"DEBUG", "root/db: supervisor started: 2 services", "services=2",
		},
		{
			tend.SupervisorStopping{Origin: sup, Cause: stopped},
			"DEBUG", "root/db: supervisor stopping: tend: supervisor was stopped", "cause=tend: supervisor was stopped",
		},
		{tend.SupervisorStopping{Origin: sup, Cause: tend.Reason{Err: errBoom}}, "DEBUG", "root/db: supervisor stopping", ""},
		{
			tend.SupervisorStopped{Origin: sup, Cause: boom, Err: boom, Took: time.Second},
			"INFO", "root/db: supervisor stopped: boom", "cause=boom took=1s",
		},
		{
			tend.SupervisorStopped{Origin: sup, Cause: stopped, Unstopped: 1},
			"ERROR", "root/db: supervisor stopped: tend: supervisor was stopped (1 service still running)",
			"cause=tend: supervisor was stopped took=0s unstopped=1",
		},
		{
			tend.PauseBegan{Origin: sup, Until: at.Add(15 * time.Second), Count: 5.12, Threshold: 5},
			"WARN", "root/db: pause began: until 12:00:15, failure count 5.1 is over 5",
			"until=2000-01-01 12:00:15 +0000 UTC count=5.12 threshold=5",
		},
		{tend.PauseEnded{Origin: sup, Lasted: 15 * time.Second}, "INFO", "root/db: pause ended: after 15s", "lasted=15s"},
		{
			tend.Escalated{Origin: sup, Err: &tend.TooManyFailures{Supervisor: "root/db", Service: "a", Count: 1, Threshold: 0.5, Last: boom}},
			"ERROR", `root/db: escalated: tend: a: boom; too many failures of root/db (1.0, threshold 0.5)`,
			"count=1 threshold=0.5 last=a error=boom",
		},
		{tend.EventsDropped{Origin: sup, N: 7}, "WARN", "root/db: events dropped: 7 events", "dropped=7"},
		{tend.ServiceStarted{Origin: svc, Restarts: 1}, "DEBUG", "root/db/a%2Fb: service started: 1 restart", "restarts=1"},
		{tend.ServiceReady{Origin: svc, Took: 1500 * time.Microsecond}, "DEBUG", "root/db/a%2Fb: service ready: after 1.5ms", "took=1.5ms"},
		{
			tend.ServiceUnresponsive{Origin: svc, Cause: tend.Reason{Err: tend.ErrNotReady, Text: "late"}, Stacks: "main.f"},
			"ERROR", "root/db/a%2Fb: service unresponsive: late", "cause=late stacks=main.f",
		},
		{
			tend.ServiceFailed{Origin: svc, Err: boom, Ran: time.Hour, Count: 1.5, Threshold: 5, Restarting: true},
			"WARN", "root/db/a%2Fb: service failed: boom", "error=boom ran=1h0m0s count=1.5 threshold=5 restarting=true",
		},
		{
			tend.ServiceFailed{Origin: svc, Err: boom, Restarting: true, Delay: time.Second},
			"WARN", "root/db/a%2Fb: service failed: boom; restarts in 1s",
			"error=boom ran=0s count=0 restarting=true delay=1s",
		},
		{
			tend.ServiceFailed{Origin: svc, Err: tend.Reason{Text: "returned nil"}},
			"WARN", "root/db/a%2Fb: service failed: returned nil; not restarted",
			"error=returned nil ran=0s count=0 restarting=false",
		},
		{
			tend.ServiceFailed{Origin: svc, Err: tend.Reason{Err: &tend.PanicError{Value: "x"}, Text: "panic: x"}, Restarting: true},
			"ERROR", "root/db/a%2Fb: service failed: panic: x",
			"error=panic: x ran=0s count=0 restarting=true stack=",
		},
		{
			tend.ServiceEnded{Origin: svc, Err: boom, Cause: stopped, Took: time.Second, Next: tend.StatePending},
			"DEBUG", "root/db/a%2Fb: service ended: now pending", "asked=true took=1s next=pending", // boom says no more than that it was asked
		},
		{
			tend.ServiceEnded{Origin: svc, Err: boom, Cause: stopped, Unclean: true, Next: tend.StateDone},
			"WARN", "root/db/a%2Fb: service ended: boom; now done", "error=boom asked=true took=0s next=done",
		},
		{
			tend.ServiceEnded{Origin: svc, Err: boom, Unclean: true, Next: tend.StateGone},
			"WARN", "root/db/a%2Fb: service ended: boom; now gone", "error=boom asked=false next=gone",
		},
		{
			tend.ServiceFailed{Origin: svc, Err: boom, Count: 2.98765, Threshold: 5, Restarting: true}, // two digits are enough
			"WARN", "root/db/a%2Fb: service failed: boom", "error=boom ran=0s count=2.99 threshold=5 restarting=true",
		},
		{
			tend.ServiceEnded{Origin: svc, Err: tend.Reason{Err: tend.ErrDoNotRestart, Text: tend.ErrDoNotRestart.Error()}, Next: tend.StateGone},
			"INFO", "root/db/a%2Fb: service ended: now gone", "asked=false next=gone", // it asks for that: no error
		},
		{
			tend.ServiceEnded{Origin: svc, Err: tend.Reason{Err: fmt.Errorf("enough: %w", tend.ErrDoNotRestart), Text: "enough"}, Next: tend.StateGone},
			"INFO", "root/db/a%2Fb: service ended: enough; now gone", "error=enough asked=false next=gone",
		},
		{tend.ServiceEnded{Origin: svc, Next: tend.StateDone}, "INFO", "root/db/a%2Fb: service ended: now done", "asked=false next=done"},
		{tend.ServiceEnded{Origin: svc, Next: tend.StateGone}, "DEBUG", "root/db/a%2Fb: service ended: now gone", "asked=false next=gone"},
		{
			tend.ServiceEnded{Origin: svc, Err: tend.Reason{Err: &tend.PanicError{Value: "x"}, Text: "panic: x"}, Cause: stopped},
			"ERROR", "root/db/a%2Fb: service ended: panic: x; now pending", "error=panic: x stack= asked=true took=0s next=pending",
		},
		{
			tend.MessagesLost{Origin: svc, N: 3, Message: "main.order", Cause: boom},
			"WARN",
			"root/db/a%2Fb: messages lost: 3 of main.order: boom", "lost=3 message=main.order cause=boom",
		},
		{tend.ServiceAlsoFailed{Origin: svc, Err: boom}, "WARN", "root/db/a%2Fb: service also failed: boom", "error=boom"},
		{
			tend.ServiceAlsoFailed{Origin: svc, Err: tend.Reason{Err: &tend.PanicError{Value: "x"}, Text: "panic: x"}},
			"ERROR", "root/db/a%2Fb: service also failed: panic: x", "error=panic: x stack=",
		},
		{
			tend.ServiceStuck{Origin: svc, Cause: stopped, Waited: 10 * time.Second, Stacks: "main.f"},
			"ERROR", "root/db/a%2Fb: service stuck: has not returned after 10s",
			"cause=tend: supervisor was stopped waited=10s stacks=main.f",
		},
		{
			tend.ServiceChanged{Origin: svc, Cause: stopped, Next: tend.StateSuspended},
			"DEBUG", "root/db/a%2Fb: service changed: now suspended", "cause=tend: supervisor was stopped next=suspended",
		},
		{
			tend.ServiceEnded{Origin: svc, Cause: stopped, Took: time.Hour, Late: time.Minute, Next: tend.StateGone},
			"WARN", "root/db/a%2Fb: service ended: now gone; 1m0s after it was reported as stuck", "asked=true took=1h0m0s next=gone late=1m0s",
		},
		{
			tend.ServiceGaveUp{Origin: svc, Err: boom, Failures: 3, Within: time.Hour},
			"ERROR", "root/db/a%2Fb: service gave up: 3 failures within 1h0m0s, not restarted any more: boom",
			"failures=3 within=1h0m0s error=boom",
		},
		{
			tend.ServiceGaveUp{Origin: svc, Err: boom, Failures: 1},
			"ERROR", "root/db/a%2Fb: service gave up: 1 failure in a row, not restarted any more: boom",
			"failures=1 within=0s error=boom",
		},
		{tend.ServiceRefused{Origin: svc, Limit: 4}, "ERROR", "root/db/a%2Fb: service refused: there are 4 already", "limit=4"},
	}
}()

// tokenOf is the token of a service that has been added.
func tokenOf(name string) tend.ServiceToken { return tend.New("x", tend.Spec{}).Add(idle(name)) }

// TestEventsAreTold: the level, the line and the attributes of every kind of event.
func TestEventsAreTold(t *testing.T) {
	for _, c := range told {
		if got := c.event.Level().String(); got != c.level {
			t.Errorf("%v: level %s, want %s", c.event, got, c.level)
		}
		if got := c.event.String(); got != c.line {
			t.Errorf("the line is\n\t%s\nwant\n\t%s", got, c.line)
		}
		group := c.event.LogValue().Group()
		origin := fmt.Sprintf("event=%v supervisor=root/db ", c.event.Kind())
		if from := c.event.From(); from.Service != "" {
			origin += fmt.Sprintf("service=a/b id=%d incarnation=3 ", from.Token.ID())
		}
		var attrs []string
		for _, a := range group {
			attrs = append(attrs, a.String())
		}
		if got, want := strings.Join(attrs, " "), strings.TrimSuffix(origin+c.attrs, " "); got != want {
			t.Errorf("the attributes are\n\t%s\nwant\n\t%s", got, want)
		}
	}
}

// TestEventsTravelAsJSON: what an event says arrives, and every kind is in the table.
func TestEventsTravelAsJSON(t *testing.T) {
	seen := map[tend.Kind]bool{}
	for _, c := range told {
		data, err := json.Marshal(c.event)
		if err != nil {
			t.Fatal(err)
		}
		var head struct{ Kind tend.Kind }
		if err := json.Unmarshal(data, &head); err != nil {
			t.Fatal(err)
		}
		seen[head.Kind] = true
		got, err := head.Kind.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.event, got); diff != "" {
			t.Errorf("%s (-sent +received):\n%s", data, diff)
		}
		if again, _ := json.Marshal(got); string(again) != string(data) {
			t.Errorf("it is %s, and then %s", data, again)
		}
	}
	for k := tend.Kind(0); !strings.HasPrefix(k.String(), "tend.Kind"); k++ {
		if !seen[k] {
			t.Errorf("no %v has been sent", k)
		}
	}
}

// TestReasonsTravelAsJSON: what is an error of the library, or a panic, is one again.
func TestReasonsTravelAsJSON(t *testing.T) {
	send := func(r tend.Reason) (got tend.Reason) {
		data, err := json.Marshal(r)
		if err == nil {
			err = json.Unmarshal(data, &got)
		}
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if r := send(tend.Reason{Err: tend.ErrRemoved, Text: tend.ErrRemoved.Error()}); !errors.Is(r, tend.ErrRemoved) {
		t.Errorf("ErrRemoved arrives as %#v", r)
	}
	p := &tend.PanicError{Value: errBoom, PCs: callers()}
	r := send(tend.Reason{Err: p, Text: p.Error()})
	var panicked *tend.PanicError
	if !errors.As(r, &panicked) || panicked.Stack() != p.Stack() || !strings.Contains(r.Stack(), "tend_test.callers") ||
		panicked.Error() != "panic: boom" {
		t.Errorf("a panic arrives as %v, stack %s", r, r.Stack())
	}
	if r := send(tend.Reason{Err: errBoom, Text: "boom"}); r.Err != nil || r.Text != "boom" {
		t.Errorf("an error arrives as %#v", r)
	}
}

// TestWordsThatAreNone: what has not been written cannot be read.
func TestWordsThatAreNone(t *testing.T) {
	for into, want := range map[any]string{
		new(tend.State):    `tend: "x" is no tend.State`,
		new(tend.Strategy): `tend: "x" is no tend.Strategy`,
		new(tend.Restart):  `tend: "x" is no tend.Restart`,
		new(tend.Kind):     `tend: "x" is no tend.Kind`,
	} {
		if err := json.Unmarshal([]byte(`"x"`), into); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if _, err := tend.Kind(200).Decode(nil); err == nil || err.Error() != "tend: tend.Kind(200) is not known" {
		t.Error(err)
	}
	for _, s := range []tend.State{tend.StatePending, tend.StateGone} {
		var got tend.State
		if text, _ := s.MarshalText(); got.UnmarshalText(text) != nil || got != s {
			t.Errorf("%v is read as %v", s, got)
		}
	}
}
