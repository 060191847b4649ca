package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// TestStacksAreShown: where a service has panicked, and where its goroutines are.
func TestStacksAreShown(t *testing.T) {
	root, at := page(t, tend.Child{Service: tend.Func("panics", aServiceThatPanics), Limit: tend.Limit{N: 1}}, tend.Func("works", aServiceThatWorks))
	wait(t, root, 0, tend.StateFailed)
	wait(t, root, 1, tend.StateRunning)
	s := newScreen(t, at)
	s.m.Update(tea.WindowSizeMsg{Width: 200, Height: 24})
	s.press("enter")
	s.want("failed: panic: boom", "tendtop.aServiceThatPanics\n", "    /") // a tab would be as wide as the terminal likes
	s.want("pane_test.go:")
	s.press("enter", "down", "g")
	s.want("tendtop.aServiceThatWorks")
	if s.shows("aServiceThatPanics") {
		t.Error("stacks of another service are shown")
	}
}

func aServiceThatPanics(context.Context) error { panic("boom") }

func aServiceThatWorks(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// TestThePaneScrolls, as far as there is something, and from its top for each service. Of
// "failed: boom" there is a second one, an event, which has one space before it.
func TestThePaneScrolls(t *testing.T) {
	root, at := page(t, broken(), tendtest.Idle("web"))
	wait(t, root, 0, tend.StateFailed)
	s := newScreen(t, at)
	s.press("enter")
	s.await("broken gave up: ")
	s.press("J")
	if s.shows("  failed: boom") {
		t.Error("it does not scroll")
	}
	s.press(strings.Split(strings.Repeat("J", 100), "")...)
	if lines := s.m.pane.lines(9); len(lines) != 1 {
		t.Errorf("it ends with %q", lines)
	}
	s.press(strings.Split(strings.Repeat("K", 100), "")...)
	s.want("  failed: boom")
	s.press("J", "down", "up")
	s.want("  failed: boom")
	s.press("enter", "J", "K") // there is nothing to scroll
}

// TestAnActorInThePane says how its messages do.
func TestAnActorInThePane(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := paneOf(t)
	p.node.At = at.UnixMilli()
	p.node.Service.Mailbox = &tend.Mailbox{Waiting: 2, Size: 8, Oldest: at.Add(-time.Minute)}
	if lines, want := p.lines(9), []string{"mailbox: 2 of 8 messages, the oldest for 1m0s"}; !slices.Equal(lines, want) {
		t.Errorf("%q", lines)
	}
}

// paneOf is a pane of a service that has failed so often, with these stacks, as they come
// from afar; oldest first.
func paneOf(t *testing.T, stacks ...string) *pane {
	t.Helper()
	n := node{Service: &tend.ServiceStatus{}}
	for _, stack := range stacks {
		data, err := json.Marshal(map[string]string{"text": "boom", "stack": stack})
		if err != nil {
			t.Fatal(err)
		}
		var f tend.Failure
		if err := json.Unmarshal(data, &f.Err); err != nil {
			t.Fatal(err)
		}
		n.Service.Failures = append(n.Service.Failures, f)
	}
	p := &pane{}
	p.got(n, nil)
	return p
}

// TestStacksInThePane: below each failure, newest first, but not the same again; nothing
// that controls the terminal, and not without end.
func TestStacksInThePane(t *testing.T) {
	p := paneOf(t, "a\n\tf:1\n", "b\n\tf:2\n", "b\n\tf:2\n", "", "\x1b[31mred\n")
	var got []string
	for _, l := range p.lines(100) {
		if _, text, failed := strings.Cut(l, "  failed: "); failed {
			l = text
		}
		got = append(got, l)
	}
	want := []string{"boom", "\ufffd[31mred", "boom", "boom", "b", "    f:2", "boom", "boom", "a", "    f:1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	lines := paneOf(t, strings.Repeat("f\n", maxStack)).lines(maxStack * 2)
	if len(lines) != 1+maxStack/2+1 || lines[len(lines)-1] != "…" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	new(pane).scroll(1)
	empty := paneOf(t)
	if empty.scroll(1); len(empty.lines(9)) != 0 {
		t.Errorf("of nothing it shows %q", empty.lines(9))
	}
}

// A time that a service has noted is shown as its age.
func TestANotedTimeInThePane(t *testing.T) {
	at := time.Now()
	p := &pane{}
	p.got(node{At: at.UnixMilli(), Service: &tend.ServiceStatus{Annotations: []slog.Attr{
		slog.Time("renewed", at.Truncate(time.Millisecond).Add(-3*time.Second)), slog.Int("token", 57),
	}}}, nil)
	if diff := cmp.Diff([]string{"renewed = 3s ago", "token = 57"}, p.lines(9)); diff != "" {
		t.Error(diff)
	}
}
