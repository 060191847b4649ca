package health

import (
	"math"
	"testing"
	"time"
)

// TestBeatsAreJudgedByAge: what a clock that is set back says of a beat is compared with
// how long the service has run, not with the moment of its start on the old clock.
func TestBeatsAreJudgedByAge(t *testing.T) {
	for _, c := range []struct {
		age, ran time.Duration
		want     string
	}{
		{0, 0, ""},
		{time.Minute, time.Hour, ""},
		{time.Minute + 1, time.Hour, "heartbeat f is 1m0.000000001s old, more than 1m0s"},
		{-5 * time.Second, time.Hour, ""},
		{-5*time.Second - 1, time.Hour, "heartbeat f is 5.000000001s in the future"},
		{5 * time.Second, 4*time.Second + 1, ""}, // in a file of whole seconds
		{5 * time.Second, 4 * time.Second, "heartbeat f is 5s old, from before the start 4s ago"},
		{time.Minute, math.MaxInt64, ""},
	} {
		got := ""
		if err := judgeBeat("f", c.age, c.ran, time.Minute); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v old after %v: %q, want %q", c.age, c.ran, got, c.want)
		}
	}
}
