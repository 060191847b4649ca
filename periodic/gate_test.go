package periodic

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What a gate of 60 s answers to jobs A, B and C, which joined in this order. Each
// question is who asks when (in seconds), for a turn due when.
func TestGatePass(t *testing.T) {
	type ask struct {
		who      byte
		now, due int
		asked    bool
		want     string
	}
	for name, asks := range map[string][]ask{
		"early askers wait for their turn": {
			{'A', 0, 10, false, "waits 10"},
			{'A', 5, 10, false, "waits 10"},
			{'A', 10, 10, false, "runs"},
		},
		"own starts do not count": {
			{'B', 0, 0, false, "runs"},
			{'A', 60, 60, false, "runs"},
			{'A', 61, 61, false, "runs"},
			{'A', 62, 62, false, "runs"},
			{'B', 62, 61, true, "waits 122"},
		},
		"another's start does, until MinGap is over": {
			{'B', 0, 0, false, "runs"},
			{'A', 10, 10, false, "waits 60"},
			{'A', 59, 10, false, "waits 60"},
			{'A', 60, 10, false, "runs"},
		},
		"also when the last start was one's own": {
			{'A', 0, 0, false, "runs"},
			{'B', 60, 60, false, "runs"},
			{'B', 61, 61, false, "runs"},
			{'A', 70, 70, false, "waits 121"},
		},
		"a turn that comes first and is near": {
			{'A', 0, 100, false, "waits 100"},
			{'B', 40, 40, false, "runs"}, // exactly MinGap
			{'B', 41, 41, false, "skips"},
			{'C', 99, 99, true, "waits 100"}, // for the last B first
			{'C', 100, 99, true, "waits 160"},
			{'A', 100, 100, false, "runs"},
			{'B', 100, 100, false, "skips"}, // as it would have a moment ago
			{'C', 160, 99, true, "runs"},
		},
		"a turn that comes first and is late": {
			{'A', 0, 10, false, "waits 10"},
			{'B', 15, 10, false, "skips"},
			{'B', 15, 12, false, "waits 75"}, // it is due after that one
			{'B', 15, 12, true, "waits 75"},
			{'A', 16, 10, false, "runs"},
			{'B', 16, 10, false, "skips"},
			{'B', 16, 12, false, "waits 76"},
			{'B', 75, 12, true, "waits 76"},
			{'B', 76, 12, false, "runs"},
		},
		"a turn that comes first and is put off": {
			{'C', 0, 0, false, "runs"},
			{'A', 10, 10, false, "waits 60"},
			{'B', 61, 12, false, "skips"},
			{'A', 62, 10, false, "runs"},
			{'B', 62, 12, false, "skips"},
			{'B', 62, 60, false, "skips"},
			{'B', 62, 61, false, "waits 122"},
		},
		"a turn that comes first, and before it one that was asked for": {
			{'A', 0, 100, false, "waits 100"},
			{'A', 20, 20, true, "runs"},
			{'B', 30, 30, false, "waits 80"},
		},
		"turns of those that come later do not count": {
			{'B', 0, 20, false, "waits 20"},
			{'A', 10, 10, false, "runs"},
			{'B', 20, 20, false, "waits 70"},
			{'A', 69, 69, false, "runs"},
			{'B', 70, 20, false, "skips"},
		},
		"starts of those that come later make nobody skip": {
			{'B', 10, 10, false, "runs"},
			{'A', 10, 10, false, "waits 70"},
		},
		"a run that hangs has no turn": {
			{'A', 0, 10, false, "waits 10"},
			{'A', 10, 10, false, "runs"},
			{'B', 500, 500, false, "runs"},
		},
		"who left has no turn": {
			{'A', 0, 10, false, "waits 10"},
			{'A', 0, -1, false, "leaves"},
			{'B', 9, 9, false, "runs"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := &Gate{MinGap: time.Minute}
			g.Join(&Job{}, &Job{}, &Job{})
			seats := map[byte]*seat{'A': {g, 1}, 'B': {g, 2}, 'C': {g, 3}}
			epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
			at := func(s int) time.Time { return epoch.Add(time.Duration(s) * time.Second) }
			for i, a := range asks {
				if a.want == "leaves" {
					seats[a.who].leave()
					continue
				}
				v, until := seats[a.who].pass(at(a.due), at(a.now), a.asked)
				got := [...]string{waits: fmt.Sprintf("waits %.0f", until.Sub(epoch).Seconds()), skips: "skips", runs: "runs"}[v]
				if d := cmp.Diff(a.want, got); d != "" {
					t.Errorf("question %d, %c at %d for %d (-want +got):\n%s", i+1, a.who, a.now, a.due, d)
				}
			}
		})
	}
}
