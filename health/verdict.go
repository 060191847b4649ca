package health

import "github.com/tend-go/tend/internal/words"

// State is what a probe's results say so far.
type State uint8

// The states of a probe.
const (
	// Unknown: no verdict yet. It counts as alive, and as not ready.
	Unknown State = iota
	// Healthy: the last results were successes.
	Healthy
	// Degraded: it works, but one of the last successes was a warning ([Warn]): as
	// many in a row without one as the FailureThreshold make it Healthy.
	Degraded
	// Unhealthy: as many failures in a row as the threshold allows.
	Unhealthy
)

var states = words.New[State](owner, "unknown", "healthy", "degraded", "unhealthy")

// String returns "unknown", "healthy", "degraded" or "unhealthy".
func (s State) String() string { return states.Of(s) }

// MarshalText returns what String does.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (s *State) UnmarshalText(text []byte) error { return states.Read(s, text) }

// mark is what one result says.
type mark uint8

const (
	passed mark = iota
	warned      // a success that wants to be looked at
	failed
)

// verdict is the state machine of one probe: a value, without clock or lock.
// The zero verdict knows nothing.
//
// The first success decides at once; the first failures need the threshold, since the
// first probe must not call a program sick that has just started.
type verdict struct {
	state State
	fails int  // since it was last well
	row   int  // results of the same sort in a row
	ok    bool // what sort they were
	clean int  // successes without a warning in a row
}

// next is the verdict after one more result; fall is how many failures in a row make
// it Unhealthy, and rise how many successes in a row end that. A warning tells at once;
// it takes fall clean successes to take that back, or one that comes every other time
// would be news each time.
func (v verdict) next(m mark, fall, rise int) verdict {
	ok := m != failed
	if ok != v.ok {
		v.row = 0
	}
	v.ok = ok
	v.row++
	v.clean++
	if m != passed {
		v.clean = 0
	}
	switch {
	case !ok:
		v.fails++
		if v.row >= fall {
			v.state = Unhealthy
		}
	case v.state == Unhealthy && v.row < rise:
	case m == warned:
		v.fails, v.state = 0, Degraded
	case v.state == Degraded && v.clean < fall:
		v.fails = 0
	default:
		v.fails, v.state = 0, Healthy
	}
	return v
}

// wavering says whether the last result spoke against the state, so that more
// of its sort would change it.
func (v verdict) wavering() bool {
	return v.row > 0 && v.ok == (v.state == Unhealthy) || v.state == Degraded && v.clean > 0
}
