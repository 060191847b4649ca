package tend

import (
	"errors"

	"github.com/tend-go/tend/internal/place"
)

// leaver wants to know that a place is empty.
type leaver = place.Leaver

// places is a supervisor as packages keyed and suture see it.
type places Supervisor

func init() {
	place.HostOf = func(supervisor any) place.Host {
		s, _ := supervisor.(*Supervisor)
		return (*places)(s)
	}
}

func (h *places) Prepare(service any, left place.Leaver) any {
	svc, _ := service.(Service)
	n := (*Supervisor)(h).newNode(svc)
	n.succeeds().left = left
	return n
}

func (h *places) Put(record, token any) place.Answer {
	n, _ := record.(*node)
	before, _ := token.(ServiceToken)
	to := newCall()
	(*Supervisor)(h).wish(add{n: n, to: to, after: before.n})
	return func() (any, error) {
		switch err := (<-to).(type) { //nolint:errorlint // the plan's own answers
		case nil:
			return ServiceToken{n}, nil
		case refusal:
			return nil, err.err
		default:
			return before, nil
		}
	}
}

func (h *places) Discard(record any) {
	n, _ := record.(*node)
	(*Supervisor)(h).post(discard{n})
}

func (h *places) Owns(token any) bool {
	t, _ := token.(ServiceToken)
	return t.n != nil && t.n.sup == (*Supervisor)(h)
}

// errTookPlace is the answer to an add of what has the place of another one now.
var errTookPlace = errors.New("tend: it took the place of another service")
