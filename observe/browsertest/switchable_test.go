package browsertest

import (
	"net/http"
	"sync"

	"github.com/chromedp/cdproto/runtime"
	"github.com/tend-go/tend/observe"
)

// switchable is a server that can be away.
type switchable struct {
	mu   sync.Mutex
	page *observe.Page
}

func (s *switchable) set(p *observe.Page) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.page != nil {
		s.page.Close()
	}
	s.page = p
}

func (s *switchable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	p := s.page
	s.mu.Unlock()
	if p == nil {
		panic(http.ErrAbortHandler)
	}
	p.ServeHTTP(w, r)
}

// awaitPromise makes Evaluate wait for what a promise resolves to.
func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
