package tend

import (
	"encoding/json"
	"strconv"
	"sync/atomic"
)

// ServiceToken stands for one service that was added, as long as the program
// runs: tokens are never used again. Tokens can be compared; the zero token
// stands for none. A token of a service that has left holds nothing of it but name and
// numbers, and may be kept. One that was read from JSON has the number alone: it is good for
// [ServiceToken.Equal], and methods that take a token return [ErrWrongSupervisor].
type ServiceToken struct{ n *node }

// ID is a number unique in the program, 0 for the zero token.
func (t ServiceToken) ID() uint64 {
	if t.n == nil {
		return 0
	}
	return t.n.id
}

// Equal reports whether both have the same ID.
func (t ServiceToken) Equal(other ServiceToken) bool { return t.ID() == other.ID() }

// String is the number with a "#" before it.
func (t ServiceToken) String() string { return "#" + strconv.FormatUint(t.ID(), 10) }

// MarshalJSON returns the number.
func (t ServiceToken) MarshalJSON() ([]byte, error) { return strconv.AppendUint(nil, t.ID(), 10), nil }

// UnmarshalJSON reads the number.
func (t *ServiceToken) UnmarshalJSON(data []byte) error {
	var id uint64
	if err := json.Unmarshal(data, &id); err != nil {
		return err
	}
	*t = ServiceToken{}
	if id != 0 {
		t.n = &node{id: id}
	}
	return nil
}

// lastID makes the numbers of tokens, which are unique in the program.
var lastID atomic.Uint64

// find is the record that t is for, of a service of s or further below.
func (s *Supervisor) find(t ServiceToken) (*node, error) {
	s.made()
	if t.n == nil {
		return nil, ErrWrongSupervisor
	}
	for p := t.n.sup; p != nil; p = p.above() {
		if p == s {
			return t.n, nil
		}
	}
	return nil, ErrWrongSupervisor
}
