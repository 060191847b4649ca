package app

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// What has no goroutine any more hung where it was seen last; what was never looked
// at has a word instead.
func TestPrintHungWithoutGoroutines(t *testing.T) {
	root := tend.New("root", tend.Spec{})
	c := svc("root/b", tend.StateStopping)
	c.Token, c.Stopping = root.Add(tendtest.Idle("b")), tend.Reason{Err: io.EOF, Text: "moved away"}
	var text strings.Builder
	printHung(&text, root, hanging(sup("root", c), []tend.ServiceStuck{{
		Origin: tend.Origin{Supervisor: "root", Service: "a/c", Token: root.Add(tendtest.Idle("a/c")), Time: noon},
		Cause:  tend.Reason{Err: io.EOF, Text: "in the way"}, Waited: 10 * time.Second,
		Stacks: "1 goroutine:\nmain.f\n\t/f.go:1\n",
	}}), false)
	if d := cmp.Diff(`
root/a%2Fc did not stop, asked 11:59:50: in the way
    1 goroutine:
    main.f
    	/f.go:1

root/b is stopping since 11:59:00: moved away
    tend: no stacks: no goroutine has its label
`, text.String()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// What has moved on since the log had it is told again, and what has not is not.
func TestPrintHungThatHasBeenTold(t *testing.T) {
	root := tend.New("root", tend.Spec{})
	stuck := func(name, stacks string) tend.ServiceStuck {
		return tend.ServiceStuck{
			Origin: tend.Origin{Supervisor: "root", Service: name, Token: root.Add(tendtest.Idle(name)), Time: noon},
			Cause:  tend.Reason{Text: "in the way"}, Stacks: stacks,
		}
	}
	moves, stays := stuck("moves", "1 goroutine:\nmain.f\n"), stuck("stays", "")
	root.ServeBackground(t.Context())
	defer root.Stop()
	idle := func(tok tend.ServiceToken) (stacks string) {
		for !strings.Contains(stacks, "tendtest/services.go:") { // it may be on its way there
			text, err := root.Stacks(tok)
			if t.Context().Err() != nil {
				t.Fatal(err)
			}
			stacks = text
		}
		return stacks
	}
	idle(moves.Token)
	stays.Stacks = idle(stays.Token)
	var text strings.Builder
	printHung(&text, root, hanging(tend.Status{}, []tend.ServiceStuck{moves, stays}), true)
	moved, stayed, _ := strings.Cut(text.String(), "root/stays")
	if strings.Contains(moved, "service stuck") || strings.Contains(stayed, "goroutine:") || !strings.Contains(stayed, `"service stuck"`) {
		t.Error(text.String())
	}
}
