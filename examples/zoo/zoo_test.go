package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/app"
)

// What the zoo promises: some ninety services, every state and every kind of event
// that a tree without limits can have.
func TestEveryKindOfTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		seen := map[tend.Kind]bool{}
		root := tend.New("zoo", tend.Spec{Timeout: 3 * time.Second, EventHook: func(e tend.Event) {
			mu.Lock()
			defer mu.Unlock()
			seen[e.Kind()] = true
		}})
		addAnimals(root)
		root.Add(newFleet(250, 1))
		served := root.ServeBackground(t.Context())
		states := map[tend.State]int{}
		for range 600 {
			time.Sleep(time.Second)
			s := root.Status()
			for _, c := range s.All() {
				states[c.State]++
			}
		}
		root.Stop()
		<-served
		time.Sleep(2 * time.Minute) // for those that do not listen

		for s := range tend.StateGone {
			if states[s] == 0 {
				t.Errorf("no service was ever %s", s)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, want := range []tend.Event{
			tend.Escalated{},
			tend.PauseBegan{},
			tend.PauseEnded{},
			tend.MessagesLost{},
			tend.ServiceEnded{},
			tend.ServiceFailed{},
			tend.ServiceGaveUp{},
			tend.ServiceReady{},
			tend.ServiceStarted{},
			tend.ServiceStuck{},
			tend.ServiceUnresponsive{},
			tend.SupervisorStarted{},
			tend.SupervisorStopping{},
			tend.SupervisorStopped{},
		} {
			if !seen[want.Kind()] {
				t.Errorf("there was no %q", want.Kind())
			}
		}
		if all := states[tend.StateRunning] / 600; all < 250+40 {
			t.Errorf("on average %d services run", all)
		}
	})
}

// Each of the actors is in the trouble that its name promises, and the healthy one in none.
func TestActorsInTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		events := map[string]bool{}
		s := offices()
		root := tend.New("zoo", tend.Spec{EventHook: func(e tend.Event) {
			mu.Lock()
			defer mu.Unlock()
			events[e.From().Service+" "+e.Kind().String()] = true
		}})
		root.Add(s)
		served := root.ServeBackground(t.Context())
		seen := map[string]bool{}
		for range 600 {
			time.Sleep(time.Second)
			status := s.Status()
			for _, c := range status.All() {
				for _, what := range troublesOf(c, status.Time) {
					name := strings.NewReplacer("left-", "a ", "right-", "a ").Replace(c.Name) // either may be told
					seen[name+" "+what] = true
				}
			}
		}
		root.Stop()
		<-served
		time.Sleep(2 * time.Minute)

		for _, want := range []string{
			"full full", "drops-the-oldest full", "drops-the-oldest loses", "falls-behind waits long", "fails-with-a-letter loses", "fails-with-a-letter backoff",
			"gave-up failed", "gave-up loses", "hangs hangs", "hangs waits long", "hangs-and-is-watched hangs", "a hand deadlock", "ignores-stop stuck",
			"ignores-stop asked", "waits-for-an-answer no answer",
		} {
			if !seen[want] {
				t.Errorf("never: %s", want)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if !events["hangs-and-is-watched service unresponsive"] || !events["ignores-stop service stuck"] || !events["drops-the-oldest messages lost"] {
			t.Errorf("there were %v", events)
		}
		for what := range seen {
			if strings.HasPrefix(what, "healthy ") || strings.HasPrefix(what, "hangs-and-is-watched waits") {
				t.Error(what)
			}
		}
	})
}

// troublesOf is what is wrong with an actor, or with one who asks it.
func troublesOf(c *tend.ServiceStatus, now time.Time) (list []string) {
	is := func(what string, yes bool) {
		if yes {
			list = append(list, what)
		}
	}
	if c.InTrouble() {
		is(c.State.String(), true)
	}
	for _, f := range c.Failures {
		is("deadlock", errors.Is(f.Err, actor.ErrDeadlock))
		is("no answer", errors.Is(f.Err, actor.ErrFailed) && errors.Is(f.Err, context.DeadlineExceeded))
	}
	if m := c.Mailbox; m != nil {
		is("full", m.Waiting == m.Size)
		is("asked", m.Open > 0)
		is("loses", m.Lost > 0)
		is("hangs", !m.Handling.IsZero() && now.Sub(m.Handling) > 15*time.Second)
		is("waits long", !m.Oldest.IsZero() && now.Sub(m.Oldest) > time.Minute)
	}
	return list
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{{"-n", "x"}, {"-n", "-1"}, {"-failures", "-3"}, {"animals"}} {
		if _, _, err := open(args); err == nil {
			t.Errorf("%q: no error", args)
		} else {
			t.Log(err)
		}
	}
}

// A page that cannot be shown is the end of it.
func TestNoPage(t *testing.T) {
	root, options, err := open([]string{"-http", "nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	options.Logger = slog.New(slog.NewTextHandler(&log, nil))
	if code := app.Run(t.Context(), root, options); code != 1 || !strings.Contains(log.String(), "cannot start") {
		t.Errorf("exit code %d\n%s", code, &log)
	}
}
