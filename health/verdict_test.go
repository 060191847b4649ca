package health

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// letters writes a state in one letter: u h d U.
func letters(s State) string {
	return map[State]string{Unknown: "u", Healthy: "h", Degraded: "d", Unhealthy: "U"}[s]
}

func marks(r rune) mark { return map[rune]mark{'+': passed, '~': warned, '-': failed}[r] }

// Also when it flaps; warnings are successes.
func TestThresholdsHoldBothWays(t *testing.T) {
	for _, c := range []struct {
		results    string
		fall, rise int
		states     string
		wavering   string // ? where FastInterval applies
	}{
		{"+--+---+", 3, 1, "hhhhhhUh", ".??.??.."},
		{"---+-++", 3, 2, "uuUUUUh", "??.?.?."},
		{"+~+--~", 2, 1, "hdddUd", "..??.."},
		{"+-+-+-", 3, 1, "hhhhhh", ".?.?.?"},
		{"-", 1, 1, "U", "."},
		{"~+~+~+", 1, 1, "dhdhdh", "......"}, // each result decides
		{"+~+~+~++-+++", 3, 1, "hddddddddddh", "..?.?.?????."},
		{"~-~--", 2, 1, "dddd" + "U", ".?.?."},
		{"--+", 3, 1, "uuh", "??."},
		{"---+~+", 3, 3, "uuUUUh", "??.??."},
		{"----++-++", 2, 2, "uUUUUhhhh", "?...?.?.."},
	} {
		var v verdict
		var states, wavering strings.Builder
		for _, r := range c.results {
			v = v.next(marks(r), c.fall, c.rise)
			states.WriteString(letters(v.state))
			wavering.WriteString(map[bool]string{true: "?", false: "."}[v.wavering()])
		}
		if diff := cmp.Diff(c.states+" "+c.wavering, states.String()+" "+wavering.String()); diff != "" {
			t.Errorf("%s at %d/%d (-want +got):\n%s", c.results, c.fall, c.rise, diff)
		}
	}
}

// TestVerdictCounts: the failures that led to Unhealthy go on being counted until it is
// well, even past a lone success; otherwise a success forgets them.
func TestVerdictCounts(t *testing.T) {
	var v verdict
	var got []int
	for _, r := range "--+---+-++" {
		v = v.next(marks(r), 3, 2)
		got = append(got, v.fails)
	}
	if diff := cmp.Diff([]int{1, 2, 0, 1, 2, 3, 3, 4, 4, 0}, got); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

// FuzzVerdict: what must hold after any results at any thresholds.
func FuzzVerdict(f *testing.F) {
	f.Add("+--+---+", uint8(3), uint8(1))
	f.Add("---+-++~~", uint8(3), uint8(2))
	f.Fuzz(func(t *testing.T, results string, fall, rise uint8) {
		need := [2]int{int(fall) + 1, int(rise) + 1}
		var v verdict
		for _, r := range results {
			before := v
			m := mark(r % 3)
			v = v.next(m, need[0], need[1])
			switch {
			case v.state == Unknown && v.ok:
				t.Fatalf("%+v after a success is still unknown", before)
			case v.state == Unhealthy && before.state != Unhealthy && v.row != need[0]:
				t.Fatalf("%+v became unhealthy with %d failures in a row of %d", before, v.row, need[0])
			case before.state == Unhealthy && v.state != Unhealthy && v.row != need[1]:
				t.Fatalf("%+v became well with %d successes in a row of %d", before, v.row, need[1])
			case v.state != Unhealthy && v.ok && v.fails != 0:
				t.Fatalf("%+v is well with failures", v)
			case v.state == Degraded && before.state != Degraded && m != warned:
				t.Fatalf("%+v became degraded by %d", before, m)
			}
		}
	})
}
