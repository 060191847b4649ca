package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// tree is one with all kinds of trouble, as it comes from afar.
func tree(t *testing.T) tend.Status {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ago := func(seconds int) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	failed := func(seconds int, text string) []tend.Failure {
		return []tend.Failure{{Time: ago(seconds), Err: tend.Reason{Err: errors.New(text), Text: text}}}
	}
	pool := tend.Status{Name: "pool", Path: "shop/pool", Serving: true, Started: true, Time: now, Since: ago(60), Services: []tend.ServiceStatus{
		{
			Name: "worker-1", Path: "shop/pool/worker-1", State: tend.StateRunning, Since: ago(5), Restarts: 3, Failed: 3, Failures: failed(5, "boom"), Wanted: true,
			Beside: tend.Beside{State: tend.StateStopping, Since: ago(5), Incarnation: 3},
		},
		{
			Name: "worker-2", Path: "shop/pool/worker-2", State: tend.StateBackoff, Since: ago(2), Restarts: 1, Failed: 9, Failures: failed(2, "\x1b[31mred\nline"), Wanted: true,
			WaitingFor: tend.Reason{Text: "its delay"}, WaitingUntil: now.Add(10 * time.Second),
		},
	}}
	s := tend.Status{Name: "shop", Path: "shop", Serving: true, Started: true, Time: now, Since: ago(60), Services: []tend.ServiceStatus{
		{Name: "db", Path: "shop/db", State: tend.StateStopping, Since: ago(1), Stopping: tend.Reason{Text: "restart was requested"}, Wanted: true},
		{Name: "pool", Path: "shop/pool", State: tend.StateRunning, Since: ago(60), Wanted: true, Supervisor: &pool},
		{Name: "web", Path: "shop/web", State: tend.StateRunning, Since: ago(60), Wanted: true, Failures: failed(5, "boom"), Annotations: []slog.Attr{
			slog.String("address", ":80"), slog.Time("renewed", ago(3)), slog.String("note", strings.Repeat("x", 100)),
		}, Mailbox: &tend.Mailbox{Waiting: 3, Size: 8, Oldest: ago(20), Handling: ago(9), Lost: 7}},
	}}
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var read tend.Status
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

func TestRows(t *testing.T) {
	for _, c := range []struct {
		choice choice
		want   string
	}{
		{choice{}, "db|pool|  worker-1|  worker-2|web"},
		{choice{order: byRestarts}, "pool/worker-1|pool/worker-2|db|pool|web"},
		{choice{order: byFailures}, "pool/worker-2|pool/worker-1|db|pool|web"},
		{choice{order: byAge}, "db|pool/worker-2|pool/worker-1|pool|web"},
		{choice{order: byLast}, "pool/worker-2|pool/worker-1|web|db|pool"},
		{choice{trouble: true}, "  worker-2"},
		{choice{query: "worker"}, "  worker-1|  worker-2"},
		{choice{query: "POOL backoff"}, "  worker-2"},
		{choice{query: "boom"}, "  worker-1|web"},
		{choice{query: "address=:80"}, "web"},
		{choice{query: "renewed=3s ago"}, "web"},
		{choice{query: "nothing like it"}, ""},
	} {
		var got []string
		for _, r := range rowsOf(tree(t), c.choice) {
			got = append(got, strings.Repeat("  ", r.depth)+r.name)
		}
		if got := strings.Join(got, "|"); got != c.want {
			t.Errorf("%+v: %s, want %s", c.choice, got, c.want)
		}
	}
}

// TestNotes: what is said of services, and nothing that controls the terminal.
func TestNotes(t *testing.T) {
	var got []string
	for _, r := range rowsOf(tree(t), choice{}) {
		got = append(got, fmt.Sprintf("%s %v %s", r.state, r.age, r.note))
	}
	want := []string{
		"stopping 1s because: restart was requested", "running 1m0s ", "running 5s run 3 beside it is stopping for 5s; 5s ago: boom",
		"backoff 2s waits for its delay, 10s; 2s ago: \ufffd[31mred line",
		"running 1m0s 5s ago: boom; 3 of 8 messages, the oldest for 20s, one in hand for 9s, 7 lost; address=:80; renewed=3s ago; note=" + strings.Repeat("x", maxAnnotation) + "…",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := counts(tree(t)); got != "1 backoff, 1 stopping, 3 running" {
		t.Errorf("counts are %s", got)
	}
}

// TestMembersThatAreNotListed are counted, at their supervisor and in the sum.
func TestMembersThatAreNotListed(t *testing.T) {
	s := tree(t)
	s.Services[1].Supervisor.Idle, s.Idle = 5, 2
	if note := rowsOf(s, choice{})[1].note; note != "5 more, idle" {
		t.Errorf("it notes %q", note)
	}
	if got := counts(s); got != "1 backoff, 1 stopping, 3 running, 7 idle" {
		t.Errorf("counts are %s", got)
	}
}
