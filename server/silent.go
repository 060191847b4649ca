package server

import (
	"net"
	"net/http"
	"sync"
)

// silent are the connections that have not brought a request yet, as browsers open
// them in advance. An http.Server that shuts down answers no request any more whose
// head comes now, but waits for it for 5s.
type silent struct {
	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	closing bool
}

// watch is a hook for the states of connections that also calls next.
func (s *silent) watch(next func(net.Conn, http.ConnState)) func(net.Conn, http.ConnState) {
	return func(c net.Conn, state http.ConnState) {
		s.note(c, state)
		if next != nil {
			next(c, state)
		}
	}
}

func (s *silent) note(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(s.conns, c)
	case s.closing: // it was accepted just before the listener was closed
		go c.Close()
	case s.conns == nil:
		s.conns = map[net.Conn]struct{}{c: {}}
	default:
		s.conns[c] = struct{}{}
	}
}

// close closes them. With TLS that may take a while.
func (s *silent) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for c := range s.conns {
		go c.Close()
	}
	s.conns = nil
}
