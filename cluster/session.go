package cluster

import (
	"math"
	"time"

	"github.com/tend-go/tend/cluster/internal/store"
)

// never is later than any instant.
const never = instant(math.MaxInt64)

// later is so much after at, or never if no instant is.
func later(at instant, d time.Duration) instant {
	if at > never-d {
		return never
	}
	return at + d
}

// retry is how long after a failed operation the next is sent.
const retry = 200 * time.Millisecond

type phase uint8

const (
	away phase = iota // no lease
	live              // a lease that nobody can have ended
	over              // a lease that is not used any more; to be revoked once nothing runs under it
)

// A session is the times of a lease. While it is live, t0 is the latest moment before the
// sending of a renewal, or of the grant, that was answered: the engine set its own clock
// after that.
type session struct {
	ttl, margin time.Duration
	phase       phase
	id          store.LeaseID
	t0          instant
	next        instant // when the next operation is due
	busy        bool    // one is under way
}

// tellAt is when services are told that may take timeout to stop.
func (s *session) tellAt(timeout time.Duration) instant { return s.until() - timeout }

// until is when Check fails and what still runs overruns.
func (s *session) until() instant { return s.t0 + s.ttl - s.margin }

// end is when the engine may give the claims away.
func (s *session) end() instant { return s.t0 + s.ttl }

func (s *session) failed(now instant) {
	s.busy, s.next = false, now+retry
}

// granted takes a new lease.
func (s *session) granted(now instant, m opened) {
	s.busy, s.id, s.t0, s.next = false, m.lease, m.sent, m.sent+s.ttl/5
	s.phase = live
	if now >= s.end() {
		s.lose(now)
	}
}

// prolong takes the answer to a renewal. What was answered after the end of the lease is
// of no use: others may have claimed.
func (s *session) prolong(now instant, sent instant) {
	s.busy = false
	if now < s.end() {
		s.t0, s.next = max(s.t0, sent), max(now, sent+s.ttl/5)
	}
}

func (s *session) lose(now instant) {
	s.phase, s.busy, s.next = over, false, now
}

// renewable says that it is time for a renewal.
func (s *session) renewable(now instant) bool {
	return s.phase == live && !s.busy && now >= s.next
}
