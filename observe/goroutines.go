package observe

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/tend-go/tend/internal/goroutines"
)

// serveGoroutines answers with the stacks that the goroutines of a service have
// now, as text. They are found by the label that the core gives them.
func (p *Page) serveGoroutines(w http.ResponseWriter, r *http.Request) {
	id, ok := nodeID(w, r)
	if !ok {
		return
	}
	if !p.dumping.TryLock() {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "observe: another dump is under way; try again", http.StatusTooManyRequests)
		return
	}
	defer p.dumping.Unlock()

	text, err := p.stacks(id)
	var tooMany *goroutines.TooManyError
	switch {
	case errors.As(err, &tooMany):
		http.Error(w, "observe: "+err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, "observe: "+err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(cmp.Or(text, "No goroutine carries the label of this service: it does not run, or Spec.NoLabels is set.\n")))
	}
}

// stacksOf looks up the goroutines of a service. Their label is its name and, after
// "#", its id.
func stacksOf(id uint64) (string, error) {
	token := "#" + strconv.FormatUint(id, 10)
	found, err := goroutines.Find("service", func(label string) bool { return strings.HasSuffix(label, token) })
	var all strings.Builder
	for _, text := range found { // one at most
		all.WriteString(text)
	}
	return all.String(), err
}
