// Package place is how package keyed has services follow each other in one place of a
// supervisor, also after one that is leaving, and how package suture knows whose a place is.
// A token is a tend.ServiceToken.
package place

// Host is a supervisor.
type Host interface {
	// Prepare makes the record of a service; it panics where Add of the supervisor does. What
	// is prepared is to be put, or discarded, once. The supervisor calls left when the place
	// that the service was the first to have is empty.
	Prepare(service any, left Leaver) (record any)
	// Put has a prepared service take the place of the one with a token, if that stays; else it
	// gets a place of its own, where it waits until that one has left. With a nil token it
	// waits for nobody. The answer comes soon, and has to be taken.
	Put(record, token any) Answer
	// Discard lets go of what was prepared.
	Discard(record any)
	// Owns: the token is of a service of the supervisor itself, and not of one further below.
	// The service may have left.
	Owns(token any) bool
}

// Answer waits for the answer to Put: the token of the service, or why it was refused.
type Answer func() (token any, err error)

// Leaver is who wants to know that a place is empty. The supervisor's loop calls it, before
// anybody who waits for that hears of it; it takes one short lock and calls nothing else.
type Leaver interface{ Left() }

// HostOf is the Host that a *tend.Supervisor is. Package tend sets it.
var HostOf func(supervisor any) Host
