package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	"github.com/tend-go/tend"
)

func TestExitCode(t *testing.T) {
	terminated := fmt.Errorf("bad config: %w", tend.ErrTerminateTree)
	canceled := fmt.Errorf("tend: %w: %w", context.Canceled, &Signalled{Signal: syscall.SIGTERM})
	escalated := &tend.TooManyFailures{Last: tend.Reason{Err: io.EOF}}
	for _, test := range []struct {
		name      string
		err       error
		asked     bool
		unstopped int
		given     int
		want      int
	}{
		{"stopped by somebody", nil, false, 0, 0, 0},
		{"stopped by somebody, not all of it", nil, false, 1, 0, 1},
		{"a signal", canceled, true, 0, 0, 0},
		{"a signal, not all of it", canceled, true, 2, 0, 1},
		{"a code", Exit(3, io.EOF), false, 0, 0, 3},
		{"a code, wrapped by the tree", fmt.Errorf("tend: root ended: %w", Exit(3, io.EOF)), false, 0, 0, 3},
		{"a code, not all stopped", Exit(3, io.EOF), false, 2, 0, 3},
		{"a code, and a signal on top", Exit(3, io.EOF), true, 0, 0, 3},
		{"success", Exit(0, nil), false, 0, 0, 0},
		{"success, not all stopped", Exit(0, nil), false, 1, 0, 1},
		{"no code that a program can have", &ExitError{Code: 256}, false, 0, 0, 1},
		{"terminated", terminated, false, 0, 0, 1},
		{"terminated with the stop of another", errors.Join(terminated, context.Canceled), true, 0, 0, 1},
		{"the last significant one has ended", fmt.Errorf("tend: %w", tend.ErrDoNotRestart), false, 0, 0, 0},
		{"the last significant one has failed", io.ErrUnexpectedEOF, false, 0, 0, 1},
		{"escalated", escalated, false, 0, 0, 1},
		{"escalated, and a signal on top", escalated, true, 0, 0, 1},
		{"a signal, and a code on the way down", canceled, true, 0, 4, 4},
		{"a code on the way down, not all stopped", canceled, true, 1, 4, 4},
		{"two codes", Exit(3, io.EOF), false, 0, 4, 3},
		{"success, and a code on the way down", Exit(0, nil), false, 0, 4, 4},
		{"terminated, and a code on the way down", terminated, false, 0, 4, 4},
		{"escalated, and a code on the way down", escalated, false, 0, 4, 4},
		{"escalated after a code", &tend.TooManyFailures{Last: tend.Reason{Err: &ExitError{Code: 3}}}, false, 0, 0, 1},
	} {
		if got := exitCode(test.err, test.asked, test.unstopped, test.given); got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
}

// The reason for a code that is not 0 is the error with which the tree has ended, unless
// that says nothing of it.
func TestBlame(t *testing.T) {
	canceled := fmt.Errorf("tend: %w: %w", context.Canceled, &Signalled{Signal: syscall.SIGTERM})
	escalated := &tend.TooManyFailures{Last: tend.Reason{Err: Exit(3, nil)}}
	stuck := make([]tend.ServiceStuck, 7)
	for i := range stuck {
		stuck[i].Origin = tend.Origin{Supervisor: "root", Service: fmt.Sprint(i)}
	}
	for _, test := range []struct {
		name      string
		err       error
		unstopped []tend.ServiceStuck
		given     string
		want      string
	}{
		{"a code", Exit(3, io.EOF), stuck, "root/a: exit code 4", ""},
		{"a code on the way down", canceled, stuck, "root/a: exit code 4", "root/a: exit code 4"},
		{"one that did not stop", canceled, stuck[:1], "", "1 service did not stop: root/0"},
		{"more of them", nil, stuck, "", "7 services did not stop: root/0; root/1; root/2; root/3; root/4; and 2 more"},
		{"an escalation", escalated, stuck, "", ""},
		{"failed", io.EOF, nil, "", ""},
	} {
		if got := blame(test.err, test.unstopped, test.given); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestExitError(t *testing.T) {
	err := Exit(4, io.EOF)
	if got, want := err.Error(), "exit code 4: EOF"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Exit(4, nil).Error(), "exit code 4"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(err, tend.ErrTerminateTree) || !errors.Is(err, io.EOF) || errors.Is(Exit(4, nil), io.EOF) {
		t.Error("an ExitError is ErrTerminateTree and its Err, and nothing else")
	}
	for _, code := range []int{-1, 256} {
		wantPanic(t, fmt.Sprintf("tend/app: Exit with code %d", code), func() { _ = Exit(code, nil) })
	}
}

func wantPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); got != want {
			t.Errorf("panicked with %q, want %q", got, want)
		}
	}()
	f()
}
