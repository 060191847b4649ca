package observe

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/tend-go/tend/internal/said"
	"github.com/tend-go/tend/internal/treepath"
)

// Bounds of a search. What it costs is words × rows × length, so all three have one.
const (
	maxQuery  = 200   // bytes of ?q= and of ?state=
	maxWords  = 8     // in ?q=
	maxFound  = 1_000 // results
	lookEvery = 256   // rows, after which a search looks whether somebody still waits
)

// search is what rows are looked for by.
type search struct {
	words  []string              // each must be in the path, the name or the error; in lower case
	states [len(stateNames)]bool // one of them; none: any
	narrow bool                  // there are states
	sort   string                // one of orders
	by     func(a, b *row) int   // what comes first; nil: as in the tree
}

// newSearch reads text, words with space between, list, states such as
// "failed,stuck", or "trouble" for all in which somebody should look, and sort, one of
// orders. What it does not know is an error: who wants to see what has failed must not be
// shown that nothing has, or all.
func newSearch(text, list, sort string) (*search, error) {
	for _, p := range []struct{ name, value string }{{"q", text}, {"state", list}} {
		if len(p.value) > maxQuery {
			return nil, fmt.Errorf("%s has %d bytes, more than %d", p.name, len(p.value), maxQuery)
		}
	}
	s := &search{words: strings.Fields(strings.ToLower(text)), sort: cmp.Or(sort, asInTree)}
	if n := len(s.words); n > maxWords {
		return nil, fmt.Errorf("q has %d words, more than %d", n, maxWords)
	}
	by, is := orders[s.sort]
	if !is {
		return nil, unknown("sort", sort, slices.Sorted(maps.Keys(orders)))
	}
	s.by = by
	return s, s.narrowTo(list)
}

// narrowTo has s find what is in one of some states; in any if there are none.
func (s *search) narrowTo(list string) error {
	for word := range strings.SplitSeq(list, ",") {
		switch i := slices.Index(stateNames[:], word); {
		case word == "":
			continue
		case word == "trouble":
			for _, i := range troubles {
				s.states[i] = true
			}
		case i >= 0:
			s.states[i] = true
		default:
			return unknown("state", word, append([]string{"trouble"}, stateNames[:]...))
		}
		s.narrow = true
	}
	return nil
}

// unknown is that a parameter is not one of the words that there are for it.
func unknown(name, word string, known []string) error {
	return fmt.Errorf("%s %q is not one of %s", name, said.Short(word, 40), strings.Join(known, ", "))
}

// serveSearch answers with what is found.
func (p *Page) serveSearch(w http.ResponseWriter, r *http.Request) {
	p.search(w, r, func(found reply) { answerJSON(w, r, found) })
}

// search answers with what is found. It takes one search at a time, as each looks at
// every row: whoever comes meanwhile is asked to come again.
func (p *Page) search(w http.ResponseWriter, r *http.Request, answer func(found reply)) {
	q := r.URL.Query()
	s, err := newSearch(q.Get("q"), q.Get("state"), q.Get("sort"))
	if err != nil {
		http.Error(w, "observe: "+err.Error(), http.StatusBadRequest)
		return
	}
	if !p.searching.TryLock() {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "observe: somebody else is searching; one may at a time", http.StatusTooManyRequests)
		return
	}
	switch found, err := p.seek(r.Context(), s); {
	case err == nil:
		answer(found)
	case r.Context().Err() == nil: // else the reader has left
		http.Error(w, "observe: "+err.Error(), http.StatusServiceUnavailable)
	}
}

// seek searches the newest view. The caller has locked p.searching.
func (p *Page) seek(ctx context.Context, s *search) (reply, error) {
	defer p.searching.Unlock()
	if s.sort == byGoroutines {
		counts, err := p.counts(ctx)
		if err != nil {
			return reply{}, err
		}
		s.by = func(a, b *row) int { return cmp.Compare(counts[b.ID], counts[a.ID]) }
	}
	v, err := p.hub.now(ctx)
	if err != nil {
		return reply{}, err
	}
	rows, total, err := s.in(ctx, v, maxFound)
	return reply{At: millis(v.status.Time), Total: total, Rows: rows}, err
}

// in returns the rows of v that are found, at most most, with the supervisors above
// them, parents first, and how many there are in all. It ends with an error when ctx
// has ended.
func (s *search) in(ctx context.Context, v *view, most int) (found []row, total int, err error) {
	paths := make([]string, len(v.rows))
	var hits []int
	for i := range v.rows {
		if i%lookEvery == 0 && ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		paths[i] = v.pathOf(i, paths)
		if !s.finds(i, &v.rows[i], paths[i]) {
			continue
		}
		if total++; total <= most || s.by != nil {
			hits = append(hits, i)
		}
	}
	if s.by != nil {
		slices.SortStableFunc(hits, func(a, b int) int { return s.by(&v.rows[a], &v.rows[b]) })
	}
	return v.withAbove(hits[:min(len(hits), most)]), total, nil
}

// pathOf is the path of the row at place i, if those of the rows before it are known.
func (v *view) pathOf(i int, paths []string) string {
	if i == 0 {
		return v.status.Path
	}
	up := v.up[i]
	above := paths[up]
	if own := v.rows[up].Branch.Name; own != "" {
		above = treepath.Join(above, own)
	}
	return treepath.Join(above, v.rows[i].Name)
}

// finds: r, at place i, is looked for. The root is in no state, and in no order.
func (s *search) finds(i int, r *row, path string) bool {
	if i == 0 && (s.narrow || s.by != nil) || s.narrow && !s.states[r.State] {
		return false
	}
	return containsAll(strings.ToLower(path+"\n"+r.Name+"\n"+r.Error), s.words)
}

// withAbove returns the rows at these places and those above them, parents first.
func (v *view) withAbove(places []int) []row {
	shown, rows := map[int]bool{}, []row{}
	for _, i := range places {
		for _, j := range append(v.above(i), i) {
			if !shown[j] {
				shown[j] = true
				rows = append(rows, v.rows[j])
			}
		}
	}
	return rows
}

func containsAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}
