//go:build linux

package faults

import (
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/tend-go/tend/cluster/internal/history"
)

// fencing is what the ledger should be to those who use it: act(token) is taken if the token
// is no lower than the state, which it becomes.
func fencing(state int64) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return state },
		Step: func(state, token, taken any) (bool, any) {
			if token.(int64) < state.(int64) {
				return !taken.(bool), state
			}
			return taken.(bool), token
		},
	}
}

// chunk is how many acts porcupine looks at at once: what it remembers grows with the square.
const chunk = 500

// linear says whether the ledger's history could be that of a fence that does one thing after
// another. It is cut where nothing was under way: there the state is the highest token taken.
func linear(records []history.Record) bool {
	type shard struct {
		state   int64
		until   time.Duration
		pending []porcupine.Operation
	}
	shards := map[string]*shard{}
	sound := func(s *shard) bool {
		ok := porcupine.CheckOperations(fencing(s.state), s.pending)
		for _, op := range s.pending {
			if op.Output.(bool) {
				s.state = max(s.state, op.Input.(int64))
			}
		}
		s.pending = nil
		return ok
	}
	for _, r := range records {
		if r.What != history.Act {
			continue
		}
		s := shards[r.Shard]
		if s == nil {
			s = &shard{}
			shards[r.Shard] = s
		}
		if len(s.pending) >= chunk && r.Since > s.until && !sound(s) {
			return false
		}
		s.until = max(s.until, r.At)
		s.pending = append(s.pending, porcupine.Operation{Input: r.Token, Call: int64(r.Since), Output: r.Taken, Return: int64(r.At)})
	}
	for _, s := range shards {
		if !sound(s) {
			return false
		}
	}
	return true
}

// The model by itself: two at once may come in either order, one after the other may not.
func TestLinear(t *testing.T) {
	act := func(since, at time.Duration, token int64, taken bool) history.Record {
		return history.Record{What: history.Act, Shard: "s", Since: since, At: at, Token: token, Taken: taken}
	}
	for _, tt := range []struct {
		name    string
		records []history.Record
		want    bool
	}{
		{"tokens grow", []history.Record{act(1, 2, 1, true), act(3, 4, 2, true), act(5, 6, 2, true)}, true},
		{"the old one is refused", []history.Record{act(1, 2, 2, true), act(3, 4, 1, false)}, true},
		{"the old one is taken", []history.Record{act(1, 2, 2, true), act(3, 4, 1, true)}, false},
		{"at once", []history.Record{act(1, 4, 2, true), act(2, 5, 1, true)}, true},
		{"refused without reason", []history.Record{act(1, 2, 1, true), act(3, 4, 1, false)}, false},
	} {
		if got := linear(tt.records); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	var long []history.Record
	for i := range time.Duration(5 * chunk) {
		long = append(long, act(2*i+1, 2*i+2, int64(i)/100, true))
	}
	if !linear(long) || linear(append(long, act(1e6, 1e6+1, 1, true))) {
		t.Error("the cut into pieces changes what is found")
	}
}
