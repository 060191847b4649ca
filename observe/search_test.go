package observe

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
)

// searched is what is found in v.
func searched(t testing.TB, v *view, text, states string, most int) ([]row, int) {
	t.Helper()
	s, err := newSearch(text, states, "")
	if err != nil {
		t.Fatal(err)
	}
	found, total, err := s.in(t.Context(), v, most)
	if err != nil {
		t.Fatal(err)
	}
	return found, total
}

// A name with a slash is found by the name and by the path, in which it is escaped.
func TestSearchForASlash(t *testing.T) {
	s := supervisor("root", "A/B", "a").Status()
	v := newView(s, s.Time, nil)
	for text, want := range map[string]int{"a/b": 1, "root/a%2fb": 1, "Root/A%2FB": 1, "root/a/b": 0, "root/a": 2} {
		if _, n := searched(t, v, text, "", 10); n != want {
			t.Errorf("%q: %d found, want %d", text, n, want)
		}
	}
}

// TestASearchKnowsPaths: those of the tree, also of a part of it and below a supervisor that its
// service has not declared.
func TestASearchKnowsPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, shown, inner := supervisor("root"), supervisor("shown"), supervisor("inner", "a")
		shown.Add(tend.Func("svc", inner.Serve))
		root.Add(shown)
		done := root.ServeBackground(t.Context())
		synctest.Wait()
		v := newView(shown.Status(), time.Now(), nil)
		for text, want := range map[string]int{"root/shown/svc": 2, "root/shown/svc/inner/a": 1, "svc/a": 0} {
			s, err := newSearch(text, "", "")
			if err != nil {
				t.Fatal(err)
			}
			if _, total, err := s.in(t.Context(), v, 10); total != want || err != nil {
				t.Errorf("%s: %d are found, want %d; %v", text, total, want, err)
			}
		}
		root.Stop()
		<-done
	})
}

// What a search costs is words × rows × length, so all of them have a bound, and the
// answer names it.
func TestASearchIsBounded(t *testing.T) {
	p := newTestPage(t, newFakeTree(supervisor("root", "a").Status()), Options{})
	for _, c := range []struct {
		query string
		code  int
		body  string
	}{
		{"q=" + strings.Repeat("a", 200), 200, ""},
		{"q=" + strings.Repeat("a", 201), 400, "observe: q has 201 bytes, more than 200\n"},
		{"q=" + strings.Repeat("%C3%A9", 101), 400, "observe: q has 202 bytes, more than 200\n"},
		{"q=1+2+3+4+5+6+7+8", 200, ""},
		{"q=1+2+3+4+5+6+7+8+9", 400, "observe: q has 9 words, more than 8\n"},
		{"q=" + strings.Repeat("a+", 490_000), 400, "observe: q has 980000 bytes, more than 200\n"},
		{"state=" + strings.Repeat("done,", 40), 200, ""},
		{"state=" + strings.Repeat("failed,", 70_000), 400, "observe: state has 490000 bytes, more than 200\n"},
		{"state=" + url.QueryEscape(strings.Join(stateNames[:], ",")), 200, ""},
	} {
		w := request(p, "GET", "/api/view?"+c.query)
		if w.Code != c.code || c.body != "" && w.Body.String() != c.body {
			t.Errorf("%.40s: %d %q, want %d %q", c.query, w.Code, w.Body, c.code, c.body)
		}
	}
}

// What a search does not understand it does not answer as if it was not there: who looks
// for what has "faild" would see that all is well, or all.
func TestASearchIsUnderstoodOrRefused(t *testing.T) {
	p := newTestPage(t, newFakeTree(supervisor("root", "a").Status()), Options{})
	states := strings.Join(stateNames[:], ", ")
	for _, c := range []struct {
		query string
		code  int
		body  string
	}{
		{"state=", 200, ""},
		{"state=trouble,done", 200, ""},
		{"sort=", 200, ""},
		{"sort=tree", 200, ""},
		{"state=faild", 400, `observe: state "faild" is not one of trouble, ` + states + "\n"},
		{"state=failed,Done", 400, `observe: state "Done" is not one of trouble, ` + states + "\n"},
		{"q=a&sort=foo", 400, `observe: sort "foo" is not one of age, failures, goroutines, last, restarts, tree, worst` + "\n"},
		{"sort=" + strings.Repeat("x", 100), 400, ""},
	} {
		for _, path := range []string{"/api/view?", "/api/tree?format=text&", "/?format=text&"} {
			w := request(p, "GET", path+c.query)
			if w.Code != c.code || c.body != "" && w.Body.String() != c.body || w.Code == 400 && w.Body.Len() > 200 {
				t.Errorf("%s%s: %d %q, want %d %q", path, c.query, w.Code, w.Body, c.code, c.body)
			}
		}
	}
}

// There is one search at a time. Who comes meanwhile may come again.
func TestOneSearchAtATime(t *testing.T) {
	p := newTestPage(t, newFakeTree(supervisor("root", "a").Status()), Options{})
	p.searching.Lock()
	for _, target := range []string{"/api/view?q=a", "/api/view?state=failed"} {
		w := request(p, "GET", target)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: %d, Retry-After %q, want 429 and 1", target, w.Code, w.Header().Get("Retry-After"))
		}
	}
	for _, target := range []string{"/", "/api/view", "/api/view?under=0", "/api/tree"} { // no searches
		if w := request(p, "GET", target); w.Code != http.StatusOK {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	p.searching.Unlock()
	for range 2 {
		if w := request(p, "GET", "/api/view?q=a"); w.Code != http.StatusOK {
			t.Errorf("%d after the search, want 200", w.Code)
		}
	}
}

// leaving is the context of a client that leaves when it has been looked for so often.
type leaving struct {
	context.Context
	looks int
}

func (l *leaving) Err() error {
	if l.looks--; l.looks < 0 {
		return context.Canceled
	}
	return nil
}

// A search ends when the one who asked for it has left.
func TestASearchForNobodyEnds(t *testing.T) {
	s := large(10_000)
	v := newView(s, s.Time, nil)
	q, err := newSearch("game", "", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx := &leaving{t.Context(), 2}
	found, total, err := q.in(ctx, v, len(v.rows))
	if !errors.Is(err, context.Canceled) || found != nil || total != 0 {
		t.Errorf("found %d of %d, %v", len(found), total, err)
	}

	p := newTestPage(t, newFakeTree(s), Options{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	r, w := ask(gone, "GET", "/api/view?q=game")
	if p.ServeHTTP(w, r); w.Body.Len() > 0 || !p.searching.TryLock() {
		t.Errorf("%d %q, or the search is not over", w.Code, w.Body)
	}
}

// BenchmarkSearch is one of 100,000 services for two words, and for the most that one
// may ask for: eight words that are all found, but the last.
func BenchmarkSearch(b *testing.B) {
	s := large(100_000)
	v := newView(s, s.Time, nil)
	for name, text := range map[string]string{"two": "game-09 reset", "most": "root group game oup-0 ame- e-0 roo none"} {
		q, err := newSearch(text, "", "")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _, _ = q.in(b.Context(), v, maxFound)
			}
		})
	}
}
