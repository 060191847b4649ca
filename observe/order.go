package observe

import (
	"cmp"

	"github.com/tend-go/tend"
)

// order is the place of each state when the worst come first.
var order = [...]tend.State{
	tend.StateFailed, tend.StateStuck, tend.StateBackoff, tend.StateStopping, tend.StateStarting,
	tend.StatePending, tend.StateRunning, tend.StateSuspended, tend.StateDone, tend.StateGone,
}

// Orders that no row can tell: asInTree is none, and byGoroutines takes a census.
const (
	asInTree     = "tree"
	byGoroutines = "goroutines"
)

// orders are what rows may be sorted by: what somebody looks for comes first.
var orders = map[string]func(a, b *row) int{
	asInTree:     nil,
	byGoroutines: nil,

	"worst":    func(a, b *row) int { return cmp.Or(cmp.Compare(badness(b), badness(a)), cmp.Compare(b.Last, a.Last)) },
	"restarts": func(a, b *row) int { return cmp.Compare(b.Restarts, a.Restarts) },
	"failures": func(a, b *row) int { return cmp.Compare(b.Failed, a.Failed) },
	"age":      func(a, b *row) int { return cmp.Compare(b.Since, a.Since) },
	"last":     func(a, b *row) int { return cmp.Compare(b.Last, a.Last) },
}

// badness is how much the state of r wants somebody to look.
func badness(r *row) int {
	for i, s := range order {
		if uint8(s) == r.State {
			return len(order) - i
		}
	}
	return 0
}
