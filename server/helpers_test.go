package server

import (
	"fmt"
	"testing"

	"github.com/tend-go/tend"
)

// quiet is a Spec whose events nobody logs, and whose pauses are exact.
func quiet() tend.Spec {
	return tend.Spec{EventHook: func(tend.Event) {}, Jitter: -1}
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
