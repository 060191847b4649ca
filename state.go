package tend

import "github.com/tend-go/tend/internal/words"

// State says where a service is in its life.
type State uint8

// The states of a service; see the package documentation.
const (
	// StatePending: added; the supervisor is not running or its turn has not come.
	StatePending State = iota
	// StateStarting: launched, not ready yet.
	StateStarting
	// StateRunning: launched, and ready.
	StateRunning
	// StateBackoff: failed; waits for its own delay or the end of a pause.
	StateBackoff
	// StateStopping: its context is cancelled; it has not returned.
	StateStopping
	// StateStuck: it did not return within its timeout.
	StateStuck
	// StateSuspended: stopped on request, kept.
	StateSuspended
	// StateDone: ended by its own will, kept.
	StateDone
	// StateFailed: used up its own budget, kept with its history.
	StateFailed
	// StateGone: left the tree. Only events and Self mention it.
	StateGone
)

var states = words.New[State]("tend",
	"pending", "starting", "running", "backoff", "stopping", "stuck", "suspended", "done", "failed", "gone",
)

// String returns the lower-case word: "pending", "starting" …
func (s State) String() string { return states.Of(s) }

// MarshalText returns what String does.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (s *State) UnmarshalText(text []byte) error { return states.Read(s, text) }
