package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// TestRun is the program, with real sockets: the story checks itself.
func TestRun(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-interval", "100ms"}, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Errorf("exit code %d\n%s\n%s", code, &stderr, &stdout)
	}
	for _, want := range []string{
		`"game":"game-07","container":"c08"`, `"last_status":503,"last_error":"HTTP status 503 Service Unavailable: the lobby is closed"`,
		`"type":"probe_recovered","game":"game-07"`,
		" recovered.\n",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the story lacks %s:\n%s", want, &stdout)
		}
	}
}

// TestStop: a signal ends it at any time, with 0.
func TestStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, nil, &stdout, &stderr); code != 0 {
		t.Errorf("exit code %d\n%s", code, &stderr)
	}
}

func TestArguments(t *testing.T) {
	for args, want := range map[string]int{"-interval 0s": 2, "-interval x": 2, "what": 2, "-help": 0} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(args), &stdout, &stderr); code != want || stderr.Len() == 0 {
			t.Errorf("%s: exit code %d, want %d\n%s", args, code, want, &stderr)
		}
	}
}
