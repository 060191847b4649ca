package observe

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tend-go/tend"
)

// The server sorts as the page does: the worst first, then who failed last.
func TestOrders(t *testing.T) {
	f := newFakeTree(supervisor("root", "runs", "g/", "failed", "stuck", ".", "waits", "waits-too").Status())
	change := func(s *tend.ServiceStatus, state tend.State, since int64, restarts, failures uint64, last int64) {
		s.State, s.Since, s.Restarts, s.Failed = state, time.Unix(since, 0), restarts, failures
		if last > 0 {
			s.Failures = []tend.Failure{{Time: time.Unix(last, 0), Err: tend.Reason{Text: "no"}}}
		}
	}
	s := f.status.Services
	change(&s[0], tend.StateRunning, 50, 9, 0, 0)
	change(&s[1], tend.StateRunning, 10, 0, 0, 0)
	change(&s[1].Supervisor.Services[0], tend.StateFailed, 20, 1, 8, 20)
	change(&s[1].Supervisor.Services[1], tend.StateStuck, 40, 2, 1, 10)
	change(&s[2], tend.StateBackoff, 30, 3, 2, 30)
	change(&s[3], tend.StateBackoff, 60, 0, 0, 40)
	p := newTestPage(t, f, Options{})
	p.census.Ask = func() census {
		return census{counts: map[uint64]int{s[0].Token.ID(): 1, s[1].Supervisor.Services[1].Token.ID(): 5, s[2].Token.ID(): 3}}
	}
	for query, want := range map[string]string{
		"sort=worst":               "failed stuck waits-too waits runs g",
		"state=trouble&sort=worst": "failed stuck waits-too waits",
		"sort=restarts":            "runs waits stuck failed g waits-too",
		"sort=failures":            "failed waits stuck runs g waits-too",
		"sort=age":                 "waits-too runs stuck waits failed g",
		"sort=last":                "waits-too waits failed stuck runs g",
		"q=waits&sort=tree":        "waits waits-too",
		"sort=goroutines":          "stuck waits runs g failed waits-too",
	} {
		var got reply
		if err := json.Unmarshal(request(p, "GET", "/api/view?"+query).Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		// the supervisors above are there for the page, where they are needed first
		var names []string
		for _, r := range got.Rows {
			names = append(names, r.Name)
		}
		want := strings.Fields(want)
		names = slices.DeleteFunc(names, func(n string) bool { return n == "root" || n == "g" })
		want = slices.DeleteFunc(want, func(n string) bool { return n == "g" })
		if d := cmp.Diff(want, names); d != "" {
			t.Errorf("%s: %s", query, d)
		}
	}
}

// Where goroutines are not counted, nothing is sorted by them, and why is told.
func TestGoroutinesThatCannotBeCounted(t *testing.T) {
	p := newTestPage(t, newFakeTree(supervisor("root", "a").Status()), Options{})
	p.census.Ask = func() census { return census{err: errors.New("there are too many")} }
	for range 2 { // the search is over
		w := request(p, "GET", "/api/view?sort=goroutines")
		if want := "observe: there are too many\n"; w.Code != http.StatusServiceUnavailable || w.Body.String() != want {
			t.Errorf("%d %q, want %q", w.Code, w.Body, want)
		}
	}
}

// Of more than are sent, those that come first are.
func TestTheWorstOfManyAreSent(t *testing.T) {
	s := large(10_000)
	worst := &s.Services[99].Supervisor.Services[99]
	worst.State = tend.StateFailed
	q, err := newSearch("", "", "worst")
	if err != nil {
		t.Fatal(err)
	}
	rows, total, err := q.in(t.Context(), newView(s, s.Time, nil), 5)
	if err != nil || total != 10_100 || !slices.ContainsFunc(rows, func(r row) bool { return r.Name == worst.Name }) {
		t.Errorf("%d found, %v, and the worst is not among %s", total, err, fmt.Sprint(rows))
	}
}
