package observe

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/tend-go/tend/internal/goroutines"
)

// censusKept is for how long a count serves everybody who asks: to make one stops the
// program for a moment.
const censusKept = time.Second

// census is how many goroutines each service has, by its id.
type census struct {
	counts map[uint64]int
	err    error
}

func takeCensus() census {
	byLabel, err := goroutines.Count(goroutines.Label)
	c := census{map[uint64]int{}, err}
	for label, n := range byLabel {
		c.counts[goroutines.IDOf(label)] += n
	}
	return c
}

// counts is a census that is a second old at most.
func (p *Page) counts(ctx context.Context) (map[uint64]int, error) {
	c, err := p.census.Answer(ctx)
	return c.counts, cmp.Or(err, c.err)
}

// serveCensus answers with the counts of the services that the page shows.
func (p *Page) serveCensus(w http.ResponseWriter, r *http.Request) {
	v := p.look(r)
	if v == nil {
		return
	}
	counts, err := p.counts(r.Context())
	if err != nil {
		http.Error(w, "observe: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	own := map[uint64]int{}
	for id, n := range counts {
		if v.place[id] != 0 {
			own[id] = n
		}
	}
	answerJSON(w, r, own)
}
