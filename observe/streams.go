package observe

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// errCrowded is why a stream ends that has to make room.
var errCrowded = errors.New("tend/observe: too many streams")

// streams are those that are open. When there is one more than there may be, the
// oldest goes: those who open streams and never read them cannot keep others out, and
// a page that has to go comes again after retryAfter and gets what it missed. A share
// for each address would not do, as behind a proxy or kubectl port-forward all have
// one.
type streams struct {
	mu   sync.Mutex
	open []*context.CancelCauseFunc // oldest first
}

// enter makes room for a stream that end ends. The stream calls leave when it is over.
func (s *streams) enter(end context.CancelCauseFunc) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) == maxStreams {
		(*s.open[0])(errCrowded)
		s.open = slices.Delete(s.open, 0, 1)
	}
	s.open = append(s.open, &end)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if i := slices.Index(s.open, &end); i >= 0 {
			s.open = slices.Delete(s.open, i, i+1)
		}
	}
}

// count is how many there are.
func (s *streams) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}
