package observe

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
)

func TestRows(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	s := supervisor("root", "a", "b/", "c", "d").Status()
	s.Time, s.Since, s.Serving, s.Count, s.Threshold, s.Decay = now, now.Add(-time.Hour), true, 1.239, 5, 30*time.Second
	s.PausedUntil = now.Add(1500 * time.Millisecond)
	a := &s.Services[0]
	a.State, a.Since, a.Restarts, a.Failed, a.Recent, a.Limit.N = tend.StateBackoff, now, 2, 3, 1, 4
	a.Failures = []tend.Failure{{Err: tend.Reason{Text: "first"}}, {Err: tend.Reason{Text: "last"}}}
	a.WaitingUntil, a.WaitingFor = now.Add(time.Second), tend.Reason{Text: "its delay"}
	b := &s.Services[1]
	b.State, b.Since, b.Supervisor.Time = tend.StateRunning, now, now
	c, d := &b.Supervisor.Services[0], &b.Supervisor.Services[1]
	c.State, c.Stopping, c.WaitingFor = tend.StateStuck, tend.Reason{Err: tend.ErrRestartRequested, Text: "a text that is not shown"}, tend.Reason{Text: "its last run to end"}
	d.State, d.WaitingFor, d.HeldBy = tend.StatePending, tend.Reason{Text: "its turn"}, "root/b/c%2Fd"
	c.Since, d.Since = now, now

	got := newView(s, now, nil).rows
	states := func(counts ...int) (sum [len(stateNames)]int32) {
		for i := 0; i < len(counts); i += 2 {
			sum[counts[i]] = int32(counts[i+1])
		}
		return sum
	}
	const running, backoff, stuck, pending = int(tend.StateRunning), int(tend.StateBackoff), int(tend.StateStuck), int(tend.StatePending)
	unix := now.Unix()
	want := []row{
		{Name: "root", State: uint8(tend.StateStarting), Since: unix - 3600, Why: said.Short(s.Ready().Error(), maxWhy), Branch: branch{
			Supervisor: true, Services: 2,
			States: states(running, 1, backoff, 1, stuck, 1, pending, 1), Level: 1.24, At: unix * 1000, Threshold: 5, Decay: 30_000, Paused: unix*1000 + 1500,
		}},
		{ID: a.Token.ID(), Name: "a", State: uint8(backoff), Since: unix, Restarts: 2, Failed: 3, Error: "last", Until: unix*1000 + 1000, Recent: 1, Limit: 4},
		{ID: b.Token.ID(), Name: "b", State: uint8(running), Since: unix, Why: "waits for its supervisor to be served", Branch: branch{
			Supervisor: true, Services: 2,
			States: states(stuck, 1, pending, 1), At: unix * 1000, Threshold: 5, Decay: 30_000,
		}},
		{ID: c.Token.ID(), Parent: b.Token.ID(), Name: "c", State: uint8(stuck), Since: unix, Why: "because restart was requested"},
		{ID: d.Token.ID(), Parent: b.Token.ID(), Name: "d", State: uint8(pending), Since: unix, Why: "waits for its turn, held by c/d"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestServicesWithoutRows are counted where they belong: members of a group that are idle.
func TestServicesWithoutRows(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	s := supervisor("root", "b/", "c").Status()
	b := &s.Services[0]
	b.State, b.WaitingFor, b.Supervisor.Serving, b.Supervisor.Idle = tend.StateRunning, tend.Reason{}, true, 12
	v := newView(s, now, nil)
	rows := v.rows
	if a := v.branchReply(rows[1].ID, 0); a.Total != len(a.Rows) || a.Total != 1 { // or a page asks for more and more
		t.Errorf("of %d services below it %d can be had", a.Total, len(a.Rows))
	}
	if r := rows[1]; r.Why != "12 more, idle" || r.Branch.Services != 1 || r.Branch.Idle != 12 || r.Branch.States[tend.StateRunning] != 12 {
		t.Errorf("%+v", r)
	}
	if r := rows[0]; r.Branch.States[tend.StateRunning] != 13 {
		t.Errorf("of the root %+v", r)
	}
	b.Supervisor.Serving = false
	if r := newView(s, now, nil).rows[1]; r.Branch.States[tend.StatePending] != 13 {
		t.Errorf("not served %+v", r)
	}
}

// TestRowsOfActors: what is wrong with messages is in the list, and what is normal is not.
func TestRowsOfActors(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	ago := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	failed := []tend.Failure{{Time: now, Err: tend.Reason{Text: "boom"}}}
	for _, test := range []struct {
		what   string
		status tend.ServiceStatus
		why    string
		old    int // seconds ago
	}{
		{"idle", tend.ServiceStatus{Mailbox: &tend.Mailbox{Size: 8}}, "", 0},
		{"busy", tend.ServiceStatus{Mailbox: &tend.Mailbox{Size: 8, Waiting: 3, Oldest: ago(9), Handling: ago(9), Open: 3}}, "", 0},
		{"half full", tend.ServiceStatus{Mailbox: &tend.Mailbox{Size: 8, Waiting: 4}}, "mailbox half full", 0},
		{"full and slow", tend.ServiceStatus{Mailbox: &tend.Mailbox{Size: 8, Waiting: 8, Oldest: ago(10), Handling: ago(1)}}, "mailbox full, messages wait", 10},
		{"so many seconds later", tend.ServiceStatus{Mailbox: &tend.Mailbox{Size: 8, Waiting: 2, Oldest: ago(13)}}, "messages wait", 20},
		{"hangs", tend.ServiceStatus{Mailbox: &tend.Mailbox{Size: 8, Waiting: 1, Oldest: ago(70), Handling: ago(80), Lost: 2}}, "a message in hand, 2 lost", 80},
		{"loses", tend.ServiceStatus{Mailbox: &tend.Mailbox{Size: 8, Lost: 2}}, "2 lost", 0},
		{"fails", tend.ServiceStatus{Mailbox: &tend.Mailbox{Size: 8, Lost: 2}, Failures: failed}, "", 0},
		{"failed, and is full", tend.ServiceStatus{Mailbox: &tend.Mailbox{Size: 8, Waiting: 8, Lost: 2}, Failures: failed}, "mailbox full, 2 lost", 0},
		{"in backoff", tend.ServiceStatus{State: tend.StateBackoff, Mailbox: &tend.Mailbox{Size: 8, Waiting: 8, Oldest: ago(70)}, Failures: failed}, "", 0},
	} {
		if test.what != "in backoff" {
			test.status.State = tend.StateRunning
		}
		old := int64(0)
		if test.old > 0 {
			old = ago(test.old).Unix()
		}
		if r := serviceRow(0, &test.status, now); r.Why != test.why || r.Old != old {
			t.Errorf("%s: %q since %d, want %q since %d", test.what, r.Why, r.Old, test.why, old)
		}
	}
}

// TestRowsOfWhatIsReplaced: the list says that another run is there, which may be the one that
// does not end.
func TestRowsOfWhatIsReplaced(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	s := tend.ServiceStatus{State: tend.StateRunning, Beside: tend.Beside{State: tend.StateStuck, Since: now.Add(-time.Minute), Incarnation: 4}}
	if r := serviceRow(0, &s, now); r.Why != "run 4 beside it is stuck" {
		t.Errorf("%q", r.Why)
	}
	var p pane
	p.service(&s, &tend.Status{})
	want := fact{Label: "Beside it", Text: "run 4, stuck for", Since: 1e9 - 60_000}
	if !slices.Contains(p.Facts, want) {
		t.Errorf("%+v", p.Facts)
	}
	s.Beside = tend.Beside{}
	if r := serviceRow(0, &s, now); r.Why != "" {
		t.Errorf("nothing is beside it: %q", r.Why)
	}
}

// The root is shown as running exactly while it is ready, and says why it is not.
func TestRootRow(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		name   string
		change func(s *tend.Status)
		want   tend.State
	}{
		{"not served", func(s *tend.Status) { s.Serving, s.Started = false, false }, tend.StatePending},
		{"not started", func(s *tend.Status) { s.Started, s.Services[0].State = false, tend.StatePending }, tend.StateStarting},
		{"ready", func(*tend.Status) {}, tend.StateRunning},
		{"one down", func(s *tend.Status) { s.Services[0].State = tend.StateBackoff }, tend.StateStarting},
		{"one of no account down", func(s *tend.Status) { s.Services[0].State, s.Services[0].Wanted = tend.StateSuspended, false }, tend.StateRunning},
		{"stopping", func(s *tend.Status) { s.Stopping = tend.Reason{Text: "boom"} }, tend.StateStopping},
		{"stopping before it was ready", func(s *tend.Status) { s.Started, s.Stopping = false, tend.Reason{Text: "boom"} }, tend.StateStopping},
	} {
		s := supervisor("root", "a").Status()
		s.Time, s.Since, s.Serving, s.Started = now, now, true, true
		s.Services[0].State = tend.StateRunning
		c.change(&s)
		r, why := newView(s, now, nil).rows[0], ""
		if err := s.Ready(); err != nil {
			why = err.Error()
		}
		if tend.State(r.State) != c.want || r.Why != why || (c.want == tend.StateRunning) != (why == "") {
			t.Errorf("%s: %s, %q, want %s, %q", c.name, tend.State(r.State), r.Why, c.want, why)
		}
	}
}

// What the page counts as trouble is what the tree does.
func TestTroubles(t *testing.T) {
	for n := range stateNames {
		s := supervisor("root", "a").Status()
		s.Services[0].State = tend.State(n)
		v := newView(s, s.Time, nil)
		trouble := s.Services[0].InTrouble()
		if slices.Contains(troubles, n) != trouble || (v.rows[0].Branch.troubled() > 0) != trouble || (v.urgency(0, nil) > 0) != trouble {
			t.Errorf("%s: trouble should be %v", tend.State(n), trouble)
		}
	}
	p := newTestPage(t, newFakeTree(supervisor("root").Status()), Options{})
	if got := embedded(t, request(p, "GET", "/").Body.String()).Troubles; !slices.Equal(got, troubles) {
		t.Errorf("the page is told %v, want %v", got, troubles)
	}
}

// A count that only decays is no change; one that rose or jumped is.
func TestSettle(t *testing.T) {
	old := row{Branch: branch{Supervisor: true, Level: 4, At: 0, Decay: 1000}}
	for _, c := range []struct {
		level float64
		at    int64
		same  bool
	}{
		{4, 0, true},
		{2, 1000, true},
		{1, 2000, true},
		{0.5, 3000, true},
		{2.01, 1000, true},
		{3, 1000, false},
		{0, 1000, false},
		{4, 1000, false},
	} {
		now := row{Branch: branch{Supervisor: true, Level: c.level, At: c.at, Decay: 1000}}
		if now.settle(&old); (now == old) != c.same {
			t.Errorf("%v at %d: same is %v", c.level, c.at, now == old)
		}
	}
}

// randomView is a tree of n rows; ids grow, some states and names are random.
func randomView(r *rand.Rand, ids []uint64) *view {
	v := &view{}
	v.add(0, row{Name: "root", Branch: branch{Supervisor: true, Services: 1}})
	var grow func(up int, ids []uint64)
	grow = func(up int, ids []uint64) {
		for len(ids) > 0 {
			at, inside := len(v.rows), 0
			if ids[0]%3 == 0 { // a supervisor has the same services in every view
				inside = min(len(ids)-1, int(ids[0]%7))
			}
			made := row{ID: ids[0], Parent: v.rows[up].ID, Name: fmt.Sprint("s", ids[0]%5), State: uint8(r.IntN(9))}
			if inside > 0 {
				made.Branch = branch{Supervisor: true, Services: inside}
			}
			v.add(up, made)
			grow(at, ids[1:1+inside])
			v.size[at] = len(v.rows) - at
			ids = ids[1+inside:]
		}
	}
	grow(0, ids)
	v.size[0] = len(v.rows)
	v.place = map[uint64]int{}
	for i := range v.rows {
		v.place[v.rows[i].ID] = i
	}
	return v
}

// FuzzChanges: a model that knows one view and is told the changes to the next
// has the next one.
func FuzzChanges(f *testing.F) {
	f.Add(uint64(1), 30)
	f.Add(uint64(7), 0)
	f.Add(uint64(9), 200)
	f.Fuzz(func(t *testing.T, seed uint64, n int) {
		r := rand.New(rand.NewPCG(seed, 0))
		n = min(max(n, 0), 300)
		var ids []uint64
		for i := range n {
			ids = append(ids, uint64(i+1))
		}
		full := randomView(r, ids)
		some := without(full, func() bool { return r.IntN(4) == 0 }, r)
		other := without(full, func() bool { return r.IntN(4) == 0 }, r)
		for _, pair := range [][2]*view{{full, some}, {some, full}, {some, other}, {full, full}} {
			old, next := pair[0], pair[1]
			rows, gone, ok := next.changes(old, 1000)
			if !ok {
				t.Fatal("did not fit")
			}
			if old == next && len(rows)+len(gone) > 0 {
				t.Errorf("%d changes without a change", len(rows)+len(gone))
			}
			m := newModel(old.rows)
			m.apply(change{Rows: rows, Gone: gone})
			if d := cmp.Diff(next.rows, m.rows(), cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
		}
		if _, _, ok := full.changes(&view{place: map[uint64]int{}}, len(full.rows)-1); ok {
			t.Error("more changes than asked for")
		}
		part := full.beginning(1+n/2, uint64(n))
		if len(part) > max(1+n/2, 1) && n > 0 {
			t.Errorf("%d rows, asked for %d", len(part), 1+n/2)
		}
		known := map[uint64]bool{0: true}
		for _, r := range part {
			if !known[r.Parent] {
				t.Errorf("%d before its supervisor %d", r.ID, r.Parent)
			}
			known[r.ID] = true
		}
		found, total := searched(t, full, "s1", "starting,running", 5)
		if total > n || len(found) > 0 && found[0].ID != 0 {
			t.Errorf("found %d of %d: %v", len(found), total, found)
		}
	})
}

// without is v less some branches, with other states.
func without(v *view, drop func() bool, r *rand.Rand) *view {
	w := &view{place: map[uint64]int{}}
	var visit func(i, up int)
	visit = func(i, up int) {
		at := len(w.rows)
		made := v.rows[i]
		if i != 0 && r.IntN(3) == 0 {
			made.State = uint8(r.IntN(9))
		}
		w.place[made.ID] = at
		w.add(up, made)
		v.services(i, 0, func(k int) bool {
			if !drop() {
				visit(k, at)
			}
			return true
		})
		w.size[at] = len(w.rows) - at
	}
	visit(0, 0)
	return w
}

func TestBeginning(t *testing.T) {
	s := supervisor("root", "a/", "a1", "a2", "a3", ".", "b/", "b1", "b2", ".", "c/", "c1", "c2", "c3", ".", "d").Status()
	s.Services[1].Supervisor.Services[1].State = tend.StateFailed
	v := newView(s, s.Time, nil)
	c3 := s.Services[2].Supervisor.Services[2].Token.ID()
	for _, c := range []struct {
		most   int
		wanted uint64
		want   []string
	}{
		{100, 0, []string{"root", "a", "a1", "a2", "a3", "b", "b1", "b2", "c", "c1", "c2", "c3", "d"}},
		{5, 0, []string{"root", "a", "b", "c", "d"}},
		{4, 0, []string{"root", "a", "b", "c"}},
		{8, 0, []string{"root", "a", "b", "c", "d", "b1", "b2"}},
		{10, 0, []string{"root", "a", "b", "c", "d", "b1", "b2", "a1", "a2", "a3"}},
		{8, c3, []string{"root", "a", "b", "c", "d", "c1", "c2", "c3"}},
		{7, c3, []string{"root", "a", "b", "c", "d", "c1", "c2"}},
		{1, c3, []string{"root"}},
	} {
		var got []string
		for _, r := range v.beginning(c.most, c.wanted) {
			got = append(got, r.Name)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%d rows, %d wanted: %s", c.most, c.wanted, d)
		}
	}
}

// Paths begin at the root of the whole tree, wherever the page's does.
func TestIDAt(t *testing.T) {
	root := supervisor("root", "a", "b/", "bc/", "c/", "a").Status()
	for _, s := range []*tend.Status{&root, root.Services[1].Supervisor} {
		v := newView(*s, time.Now(), nil)
		var paths []string
		for i := range v.rows[1:] {
			path := v.service(i + 1).Path
			paths = append(paths, path)
			if got := idAt(s, path); got != v.rows[i+1].ID {
				t.Errorf("%s is %d, want %d", path, got, v.rows[i+1].ID)
			}
		}
		want := []string{"root/a", "root/b", "root/b/bc", "root/b/bc/c", "root/b/bc/c/a"}
		if d := cmp.Diff(want[len(want)-len(paths):], paths); d != "" {
			t.Error(d)
		}
		for _, path := range []string{"root", "root/x/a", "root/b/a", "root/b/bc/c/a/x", "b", ""} {
			if got := idAt(s, path); got != 0 {
				t.Errorf("%q is %d", path, got)
			}
		}
	}
}

// Siblings that come in another order than their ids are put in order.
func TestOrder(t *testing.T) {
	s := supervisor("root", "a", "b", "c").Status()
	slices.Reverse(s.Services)
	v := newView(s, s.Time, nil)
	if got := v.rows[1].Name + v.rows[2].Name + v.rows[3].Name; got != "abc" {
		t.Errorf("order %s", got)
	}
	if got := v.service(1).Name; got != "a" {
		t.Errorf("the status of a is that of %s", got)
	}
}
