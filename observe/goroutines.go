package observe

import (
	"errors"
	"net/http"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
)

// serveGoroutines answers with the stacks that the goroutines of a service have
// now, as text, or with a word why there are none. The tree bounds what that costs,
// however many ask.
func (p *Page) serveGoroutines(w http.ResponseWriter, r *http.Request) {
	s := p.service(w, r)
	if s == nil {
		return
	}
	stacks, err := p.tree.Stacks(s.Token)
	var tooMany *goroutines.TooManyError
	switch {
	case errors.As(err, &tooMany):
		http.Error(w, "observe: "+tooMany.Error(), http.StatusServiceUnavailable)
		return
	case errors.Is(err, tend.ErrWrongSupervisor):
		http.Error(w, noService(s.Token.ID()), http.StatusNotFound)
		return
	case err != nil:
		stacks = err.Error() + "\n"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(stacks))
}
