package main

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
)

// What the zoo promises: some sixty services, every state and every kind of event
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
