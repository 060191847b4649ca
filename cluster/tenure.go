package cluster

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/tend-go/tend"
)

// A tenure is whose service it is that has the token in the supervisor here.
type tenure struct {
	hold *hold
	tell func(message) // to the loop
	down atomic.Bool   // that it is suspended was told
}

// hear learns from the tree which services have left or given up by themselves, are
// suspended, or ready.
func (p *post) hear(e tend.Event) {
	switch e := e.(type) {
	case tend.ServiceFailed:
		if !e.Restarting { // it is Temporary, or gives up
			p.gone(e.Token, e.Err.Err)
		}
	case tend.ServiceEnded:
		switch {
		case e.Next == tend.StateSuspended:
			p.suspended(e.Token)
		case p.isEnd(e.Cause, e.Next):
			p.gone(e.Token, cmp.Or(e.Err.Err, e.Cause.Err))
		}
	case tend.ServiceChanged:
		switch {
		case e.Next == tend.StateSuspended:
			p.suspended(e.Token)
		case p.isEnd(e.Cause, e.Next):
			p.gone(e.Token, e.Cause.Err)
		}
	case tend.ServiceReady:
		p.ready(e.Token, e.Incarnation)
	case tend.EventsDropped:
		p.search()
	default: // the tree's own affair
	}
}

// isEnd: a service will not run here again, by its own wish, by that of somebody who has
// removed it, or because it was stopped for anything else and is Temporary. That all of the
// role stops is no reason to decline anything: see revive.
func (p *post) isEnd(cause tend.Reason, next tend.State) bool {
	if next != tend.StateGone && next != tend.StateDone {
		return false
	}
	return cause.IsZero() || errors.Is(cause.Err, tend.ErrRemoved) || p.isServed()
}

// isServed: the role is, and has not begun to stop.
func (p *post) isServed() bool {
	if ctx := p.ctx.Load(); ctx == nil || (*ctx).Err() != nil {
		return false
	}
	s := p.here.Status()
	return s.Serving && s.Stopping.IsZero()
}

// revive finds what does not come back when the role is served again: what is Temporary has left
// with it, or does when it returns. What events still say of that is of the past.
func (p *post) revive() {
	for _, token := range p.held() {
		s, err := p.here.ServiceStatus(token)
		if err == nil && (s.State != tend.StateStuck || s.Restart != tend.Temporary) {
			continue
		}
		if t := p.tenure(token); t != nil && t.hold.told() == nil {
			p.unlist(token)
			t.tell(left{t.hold.id(), t.hold.claim.Token})
		}
	}
}

// held are the tokens of the services here.
func (p *post) held() []tend.ServiceToken {
	p.adding.Lock()
	defer p.adding.Unlock()
	return slices.Collect(maps.Keys(p.tokens))
}

func (p *post) unlist(token tend.ServiceToken) {
	p.adding.Lock()
	defer p.adding.Unlock()
	delete(p.tokens, token)
}

// search finds by status what events would have told. Of one that is suspended they may have
// told before the loss.
func (p *post) search() {
	for _, token := range p.held() {
		switch s, err := p.here.ServiceStatus(token); {
		case err != nil:
			if p.isServed() { // else it may have left with its role: see revive
				p.gone(token, err)
			}
		case s.State == tend.StateDone || s.State == tend.StateFailed:
			p.gone(token, nil)
		case s.State == tend.StateSuspended:
			p.suspendedUntold(token)
		case s.State == tend.StateRunning:
			p.ready(token, s.Incarnation)
		}
	}
}

func (p *post) gone(token tend.ServiceToken, err error) {
	if t := p.tenure(token); t != nil && t.hold.told() == nil { // else it was taken out, and may be back under the same claim
		t.tell(ended{t.hold.id(), t.hold.claim.Token, err})
	}
}

func (p *post) suspended(token tend.ServiceToken) {
	if t := p.tenure(token); t != nil {
		t.down.Store(true)
		t.tell(suspended{t.hold.id(), t.hold.claim.Token})
	}
}

func (p *post) suspendedUntold(token tend.ServiceToken) {
	if t := p.tenure(token); t != nil && !t.down.Load() {
		p.suspended(token)
	}
}

func (p *post) ready(token tend.ServiceToken, incarnation uint64) {
	if t := p.tenure(token); t != nil {
		t.down.Store(false)
		t.hold.getReady(incarnation)
	}
}

// tenure is that of a service, or nil: it is one further down.
func (p *post) tenure(token tend.ServiceToken) *tenure {
	p.adding.Lock()
	defer p.adding.Unlock()
	return p.tokens[token]
}
