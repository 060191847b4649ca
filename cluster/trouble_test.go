package cluster

import (
	"testing"
	"time"
)

// Trouble with one thing is over when that is done, or nothing has failed for a while.
func TestTrouble(t *testing.T) {
	type heard struct {
		at   instant
		what operation
		ok   bool
		want string
	}
	const within = 2 * time.Second
	for name, all := range map[string][]heard{
		"what has failed is done": {{0, creating, false, "lost"}, {1, creating, true, "back"}, {2, creating, true, ""}},
		"all else is done": {
			{0, creating, false, "lost"},
			{1, renewing, true, ""},
			{retry, creating, false, ""},
			{retry + within + quiet - 1, renewing, true, ""},
			{retry + within + quiet, renewing, true, "back"},
		},
		"one of several is done": {
			{0, creating, false, "lost"}, {1, opening, false, ""}, {2, opening, true, ""}, {3, creating, true, ""}, {1 + within + quiet, opening, true, "back"},
		},
		"it comes again": {
			{0, creating, false, "lost"},
			{1, opening, false, ""},
			{1 + within + quiet, creating, true, "back"},
			{2 + within + quiet, opening, false, "lost"},
			{3 + within + quiet, opening, true, "back"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := noTrouble
			for i, h := range all {
				got := ""
				if !h.ok {
					if tr.fails(h.what, h.at) {
						got = "lost"
					}
				} else if tr.isOver(h.what, h.at, within) {
					got, tr = "back", noTrouble
				}
				if got != h.want {
					t.Errorf("%d: %q, want %q", i, got, h.want)
				}
			}
		})
	}
}
