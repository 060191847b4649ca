package survey_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/survey"
	"github.com/tend-go/tend/internal/survey/surveytest"
)

var noon = surveytest.Noon

func named(names ...string) func(tend.ServiceStatus) bool {
	return func(s tend.ServiceStatus) bool { return slices.Contains(names, s.Name) }
}

// states counts services by state, in pairs.
func states(list ...tend.State) (counts [tend.StateGone]int) {
	for _, s := range list {
		counts[s]++
	}
	return counts
}

const (
	running = tend.StateRunning
	backoff = tend.StateBackoff
	failed  = tend.StateFailed
)

// The groups of a shop, whose services are web, db, and below db two called conn,
// one of which waits, and lag.
func TestLook(t *testing.T) {
	web := survey.Group{States: states(running), Since: noon, Restarts: 2, Failures: 1}
	conn := survey.Group{
		States: states(backoff, running), Since: noon.Add(-time.Minute), InState: time.Minute,
		Start: noon.Add(1500 * time.Millisecond), UntilStart: 1500 * time.Millisecond, Restarts: 8, Failures: 8,
		Mail: survey.Mail{Actors: 1, Waiting: 3, Open: 2, Full: 0.75, Oldest: 20 * time.Second, Handling: 5 * time.Second},
	}
	lag := survey.Group{States: states(failed), Since: noon, Recent: 3, Limit: 3, Failures: 3}
	below := conn // with lag
	below.States, below.Recent, below.Limit, below.Failures = states(backoff, running, failed), 3, 3, 11
	both := survey.Group{States: states(running, running), Since: noon, Restarts: 2, Failures: 1} // web and db
	all := below                                                                                  // with those
	all.States, all.Restarts, all.Failures = states(running, running, backoff, running, failed), 10, 12
	shop := func(g survey.Group) *survey.Supervisor {
		return &survey.Supervisor{Group: g, Serving: true, Ready: true, Level: 1.5, Threshold: 5}
	}
	db := func(g survey.Group) *survey.Supervisor {
		return &survey.Supervisor{Group: g, HasActors: true, Serving: true, Paused: true, Level: 5.5, Threshold: 6}
	}
	whole := shop(all)
	whole.HasActors = true
	type supervisors = map[string]*survey.Supervisor
	type services = map[survey.Key]*survey.Group
	for _, test := range []struct {
		name    string
		options survey.Options
		want    survey.View
	}{
		{
			"supervisors alone",
			survey.Options{},
			survey.View{Supervisors: supervisors{"shop": shop(both), "shop/db": db(below)}, Services: services{}},
		},
		{
			"some services, the others summed up",
			survey.Options{Services: named("db", "conn")},
			survey.View{
				Supervisors: supervisors{"shop": shop(web), "shop/db": db(lag)},
				Services:    services{{"shop", "db"}: {States: states(running), Since: noon}, {"shop/db", "conn"}: &conn},
			},
		},
		{
			"some services, all summed up",
			survey.Options{Services: named("web", "conn"), Whole: true},
			survey.View{
				Supervisors: supervisors{"shop": shop(both), "shop/db": db(below)},
				Services:    services{{"shop", "web"}: &web, {"shop/db", "conn"}: &conn},
			},
		},
		{
			"nothing left for the supervisors",
			survey.Options{Services: named("web", "db", "conn", "lag")},
			survey.View{
				Supervisors: supervisors{"shop": shop(survey.Group{}), "shop/db": db(survey.Group{})},
				Services: services{
					{"shop", "web"}: &web, {"shop", "db"}: {States: states(running), Since: noon},
					{"shop/db", "conn"}: &conn, {"shop/db", "lag"}: &lag,
				},
			},
		},
		{
			"one level",
			survey.Options{Depth: 1, Services: named("conn"), Whole: true},
			survey.View{Supervisors: supervisors{"shop": whole}, Services: services{{"shop", "conn"}: &conn}},
		},
		{
			"as many levels as there are",
			survey.Options{Depth: 2},
			survey.View{Supervisors: supervisors{"shop": shop(both), "shop/db": db(below)}, Services: services{}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.want.Unstopped = 1
			w := survey.New(surveytest.Shop(), test.options)
			for range 2 { // it has no effect on the next look
				if diff := cmp.Diff(test.want, w.Look()); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			}
		})
	}
}

// A service is counted with its own supervisor, whatever stands before it, or with the
// one above that is not too deep, but always by the clock of its own.
func TestPlaces(t *testing.T) {
	leaf := func() tend.ServiceStatus {
		return tend.ServiceStatus{Token: surveytest.Tokens(1)[0], State: running, Since: noon}
	}
	tree := func(path string, clock time.Duration, services ...tend.ServiceStatus) tend.ServiceStatus {
		return tend.ServiceStatus{
			State:      tend.StateGone, // it does not count itself
			Supervisor: &tend.Status{Path: path, Time: noon.Add(clock), Services: services},
		}
	}
	p := &surveytest.Picture{Root: *tree("r", time.Second,
		tree("r/a", time.Minute, tree("r/a/b", time.Hour, leaf()), leaf()),
		leaf(),
		tree("r/c", 2*time.Minute, leaf()),
	).Supervisor}
	type count struct {
		n       int
		longest time.Duration
	}
	for depth, want := range []map[string]count{
		0: {"r": {1, time.Second}, "r/a": {1, time.Minute}, "r/a/b": {1, time.Hour}, "r/c": {1, 2 * time.Minute}},
		1: {"r": {4, time.Hour}},
		2: {"r": {1, time.Second}, "r/a": {2, time.Hour}, "r/c": {1, 2 * time.Minute}},
	} {
		got := map[string]count{}
		for path, s := range survey.New(p, survey.Options{Depth: depth}).Look().Supervisors {
			got[path] = count{s.States[running], s.InState}
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(count{})); diff != "" {
			t.Errorf("depth %d: -want +got\n%s", depth, diff)
		}
	}
}

// Paths need not be unique: the worst counts, and the fullest.
func TestSamePath(t *testing.T) {
	twin := func(serving, started bool, level, threshold float64) tend.ServiceStatus {
		return tend.ServiceStatus{
			Name: "twin", Token: surveytest.Tokens(1)[0], State: running, Since: noon,
			Supervisor: &tend.Status{Path: "root/twin", Time: noon, Serving: serving, Started: started, Count: level, Threshold: threshold},
		}
	}
	p := &surveytest.Picture{Root: tend.Status{Path: "root", Time: noon, Services: []tend.ServiceStatus{
		twin(true, true, 4, 10), twin(true, false, 3, 5), twin(false, true, 2, 5),
	}}}
	got := survey.New(p, survey.Options{}).Look().Supervisors["root/twin"]
	if diff := cmp.Diff(&survey.Supervisor{Level: 3, Threshold: 5}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		surveytest.Readiness(t, func(shop *tend.Supervisor) func() map[string]bool {
			w := survey.New(shop, survey.Options{})
			return func() map[string]bool {
				ready := map[string]bool{}
				for path, s := range w.Look().Supervisors {
					ready[path] = s.Ready
				}
				return ready
			}
		})
	})
}

// Of services that wait the next one counts; one that is late waits no more. What
// waits for an unknown time does not count.
func TestStart(t *testing.T) {
	waits := func(until time.Time) tend.ServiceStatus {
		return tend.ServiceStatus{Name: "x", Token: surveytest.Tokens(1)[0], State: backoff, Since: noon, WaitingUntil: until}
	}
	p := &surveytest.Picture{Root: tend.Status{Path: "root", Time: noon}}
	for _, test := range []struct {
		until []time.Time
		start time.Time
		left  time.Duration
	}{
		{[]time.Time{{}}, time.Time{}, 0},
		{[]time.Time{{}, noon.Add(time.Minute), noon.Add(time.Second), noon.Add(time.Hour)}, noon.Add(time.Second), time.Second},
		{[]time.Time{noon.Add(time.Minute), noon.Add(-time.Second)}, noon.Add(-time.Second), 0},
	} {
		p.Root.Services = nil
		for _, until := range test.until {
			p.Root.Services = append(p.Root.Services, waits(until))
		}
		if got := survey.New(p, survey.Options{}).Look().Supervisors["root"]; !got.Start.Equal(test.start) || got.UntilStart != test.left {
			t.Errorf("%v: %v, %v", test.until, got.Start, got.UntilStart)
		}
	}
}

// sums are the failures of the groups of a shop.
func sums(v survey.View) map[survey.Key]uint64 {
	m := map[survey.Key]uint64{}
	for path, s := range v.Supervisors {
		m[survey.Key{Supervisor: path}] = s.Failures
	}
	for key, g := range v.Services {
		m[key] = g.Failures
	}
	return m
}

// Totals never go back while there is the group, whatever leaves.
func TestTotals(t *testing.T) {
	shop, db, conn := survey.Key{Supervisor: "shop"}, survey.Key{Supervisor: "shop/db"}, survey.Key{Supervisor: "shop/db", Service: "conn"}
	for _, test := range []struct {
		name  string
		whole bool
		below uint64 // of db, with its conns or not, at each step
		later uint64
	}{
		{"whole", true, 11, 16},
		{"rest", false, 3, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := surveytest.Shop()
			w := survey.New(p, survey.Options{Services: named("conn"), Whole: test.whole})
			want := func(step string, want map[survey.Key]uint64) {
				t.Helper()
				for range 2 { // nothing more has happened the second time
					if diff := cmp.Diff(want, sums(w.Look())); diff != "" {
						t.Errorf("%s: -want +got\n%s", step, diff)
					}
				}
			}
			want("at first", map[survey.Key]uint64{shop: 1, db: test.below, conn: 8})
			services := &p.Root.Services[1].Supervisor.Services
			(*services)[0].Failed += 5
			*services = (*services)[:2]
			want("lag has left", map[survey.Key]uint64{shop: 1, db: test.later, conn: 13})
			p.Root.Services[0].Token = surveytest.Tokens(1)[0]
			p.Root.Services[0].Failed = 2
			want("another web", map[survey.Key]uint64{shop: 3, db: test.later, conn: 13})
			*services = (*services)[1:]
			want("one conn has left", map[survey.Key]uint64{shop: 3, db: test.later, conn: 13})
			*services = nil
			want("no conn is left", map[survey.Key]uint64{shop: 3, db: test.later})
			p.Root.Services = p.Root.Services[:1]
			want("db has left", map[survey.Key]uint64{shop: 3})
			again := surveytest.Shop()
			p.Root.Services = append(p.Root.Services, again.Root.Services[1])
			want("another db", map[survey.Key]uint64{shop: 3, db: test.below, conn: 8})
		})
	}
}

// TestMembersThatAreNotListed run, as far as is known, and what they have counted is not
// counted again when they are listed again.
func TestMembersThatAreNotListed(t *testing.T) {
	p := surveytest.Shop()
	w := survey.New(p, survey.Options{})
	db := p.Root.Services[1].Supervisor
	all := db.Services
	before := w.Look().Supervisors["shop/db"]
	db.Services, db.Idle = nil, 3
	now := w.Look().Supervisors["shop/db"]
	if now.States != [tend.StateGone]int{running: 3} || now.Failures != before.Failures {
		t.Errorf("when none is listed there are %v, and %d failures; there were %d", now.States, now.Failures, before.Failures)
	}
	db.Serving = false
	if now := w.Look().Supervisors["shop/db"]; now.States != [tend.StateGone]int{tend.StatePending: 3} {
		t.Errorf("when it is not served there are %v", now.States)
	}
	shop := survey.New(p, survey.Options{Depth: 1}).Look().Supervisors["shop"] // counted with that above
	if n := shop.States[tend.StatePending]; n != 3 {
		t.Errorf("with those of the one above %d are counted", n)
	}
	db.Serving, db.Idle = true, 1
	all[0].Failed += 2
	db.Services = all[:2]
	if now := w.Look().Supervisors["shop/db"]; now.Failures != before.Failures+2 {
		t.Errorf("when they are listed again there are %d failures; there were %d", now.Failures, before.Failures)
	}
}

// A service that is chosen takes all of its past along if nobody else is in its group, and
// what it leaves keeps that, as sums do not go back. There it brings only what is new.
func TestTotalsOfTheChosen(t *testing.T) {
	db, lag := survey.Key{Supervisor: "shop/db"}, survey.Key{Supervisor: "shop/db", Service: "lag"}
	type both struct{ db, lag uint64 }
	for _, test := range []struct {
		whole bool
		want  []both // not chosen, chosen, another failure, not chosen, another failure
	}{
		{true, []both{{11, 0}, {11, 3}, {12, 4}, {12, 0}, {13, 0}}},
		{false, []both{{11, 0}, {11, 3}, {11, 4}, {11, 0}, {12, 0}}},
	} {
		p, chosen := surveytest.Shop(), false
		w := survey.New(p, survey.Options{
			Whole: test.whole, Services: func(s tend.ServiceStatus) bool { return chosen && s.Name == "lag" },
		})
		count := &p.Root.Services[1].Supervisor.Services[2].Failed
		for i, want := range test.want {
			chosen = i == 1 || i == 2
			if i == 2 || i == 4 {
				*count++
			}
			m := sums(w.Look())
			if got := (both{m[db], m[lag]}); got != want {
				t.Errorf("whole %v, step %d: %v, want %v", test.whole, i, got, want)
			}
		}
	}
}

// nested is a supervisor, as a service of the one above it.
func nested(path string, services ...tend.ServiceStatus) tend.ServiceStatus {
	return tend.ServiceStatus{
		Name: path, Token: surveytest.Tokens(1)[0], State: running, Supervisor: &tend.Status{Path: path, Time: noon, Services: services},
	}
}

// Which supervisors are told apart changes what failures are counted with, and not how many
// there have been.
func TestTotalsOfThoseThatAreLeftOut(t *testing.T) {
	x := tend.ServiceStatus{Name: "x", Token: surveytest.Tokens(1)[0], State: running, Failed: 100}
	p := &surveytest.Picture{Root: *nested("r", nested("r/A"), nested("r/B", nested("r/B/C", x))).Supervisor}
	w := survey.New(p, survey.Options{Most: 4})
	a := p.Root.Services[0].Supervisor
	failed := &p.Root.Services[1].Supervisor.Services[0].Supervisor.Services[0].Failed
	d := nested("r/A/D")
	for _, step := range []struct {
		name     string
		below    []tend.ServiceStatus // r/A
		more     uint64               // failures
		b, alone uint64               // those of r/B, and of r/B/C if it is told apart
	}{
		{"it is told apart", nil, 0, 0, 100},
		{"it is left out", []tend.ServiceStatus{d}, 0, 0, 0},
		{"it is left out and fails", []tend.ServiceStatus{d}, 2, 2, 0},
		{"it is told apart again", nil, 0, 2, 102},
		{"it is left out again and has failed", []tend.ServiceStatus{d}, 1, 3, 0},
	} {
		a.Services = step.below
		*failed += step.more
		m := sums(w.Look())
		if b, c := m[survey.Key{Supervisor: "r/B"}], m[survey.Key{Supervisor: "r/B/C"}]; b != step.b || c != step.alone {
			t.Errorf("%s: %d and %d, want %d and %d", step.name, b, c, step.b, step.alone)
		}
	}
}

// A supervisor that is removed and added again has failed no more than before, for the one
// with which it is counted.
func TestTotalsOfWhatIsAddedAgain(t *testing.T) {
	p := surveytest.Shop()
	w := survey.New(p, survey.Options{Depth: 1})
	all := p.Root.Services
	shop := survey.Key{Supervisor: "shop"}
	for _, step := range []struct {
		name     string
		services []tend.ServiceStatus
		more     uint64
		want     uint64
	}{
		{"at first", all, 0, 12},
		{"without it", all[:1], 0, 12},
		{"still without it", all[:1], 0, 12},
		{"with it again", all, 0, 12},
		{"with it", all, 5, 17},
		{"without it again", all[:1], 0, 17},
		{"with it, after a failure", all, 1, 18},
	} {
		p.Root.Services = step.services
		all[1].Supervisor.Services[0].Failed += step.more
		if got := sums(w.Look())[shop]; got != step.want {
			t.Errorf("%s there are %d, want %d", step.name, got, step.want)
		}
	}
}

// The restarts of a place are those of the run that has it, and so fewer when one that had
// replaced another leaves before that has returned. Totals do not go back then, nor around
// zero when the group has not had the runs before.
func TestTotalsOfWhatHasFallenBack(t *testing.T) {
	x := tend.ServiceStatus{Name: "x", Token: surveytest.Tokens(1)[0], State: running, Restarts: 2}
	p := &surveytest.Picture{Root: *nested("r", nested("r/a", x), nested("r/b")).Supervisor}
	w := survey.New(p, survey.Options{})
	a, b := p.Root.Services[0].Supervisor, p.Root.Services[1].Supervisor
	want := func(step string, inA, inB uint64) {
		t.Helper()
		v := w.Look()
		if a, b := v.Supervisors["r/a"].Restarts, v.Supervisors["r/b"].Restarts; a != inA || b != inB {
			t.Errorf("%s: %d and %d, want %d and %d", step, a, b, inA, inB)
		}
	}
	want("at first", 2, 0)
	a.Services[0].Restarts = 1
	want("it has fallen back", 2, 0)
	b.Services, a.Services = a.Services, nil
	b.Services[0].Restarts = 0
	want("it has, and is elsewhere", 2, 0)
	b.Services[0].Restarts = 3
	want("it was started again", 2, 3)
}

// A tree whose services come and go does not fill the memory: of those that have left ten
// thousand are remembered.
func TestWhatHasLeftIsBounded(t *testing.T) {
	p := &surveytest.Picture{Root: tend.Status{Path: "r", Time: noon}}
	w := survey.New(p, survey.Options{})
	const n, remembered = 25_000, 10_000
	var services []tend.ServiceStatus
	for _, token := range surveytest.Tokens(n) {
		services = append(services, tend.ServiceStatus{Name: "x", Token: token, State: running, Failed: 1})
	}
	for i, want := range []uint64{n, n, 2*n - remembered, 2*n - remembered} {
		p.Root.Services = services
		if i == 1 {
			p.Root.Services = nil
		}
		if got := w.Look().Supervisors["r"].Failures; got != want {
			t.Errorf("look %d: %d failures, want %d", i, got, want)
		}
	}
}

func at(supervisor string) tend.Origin { return tend.Origin{Supervisor: supervisor} }

// What no look could see is counted, with its own supervisor or, when that has left or is
// not told apart, with the next one above it; also after the supervisor has left.
func TestIncidents(t *testing.T) {
	for _, test := range []struct {
		name     string
		options  survey.Options
		shop, db survey.Incidents
	}{
		{"each", survey.Options{}, survey.Incidents{Pauses: 1, Stuck: 1}, survey.Incidents{Pauses: 1, Escalations: 1, Stuck: 1, GaveUp: 2, Lost: 7}},
		{"one level", survey.Options{Depth: 1}, survey.Incidents{Pauses: 2, Escalations: 1, Stuck: 2, GaveUp: 2, Lost: 7}, survey.Incidents{}},
		{"no more than one", survey.Options{Most: 1}, survey.Incidents{Pauses: 2, Escalations: 1, Stuck: 2, GaveUp: 2, Lost: 7}, survey.Incidents{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := surveytest.Shop()
			w := survey.New(p, test.options)
			p.Tell(
				tend.PauseBegan{Origin: at("shop")}, tend.PauseBegan{Origin: at("shop/db")},
				tend.ServiceStuck{Origin: at("shop")}, tend.ServiceStuck{Origin: at("shop/db")},
				tend.ServiceGaveUp{Origin: at("shop/db")}, tend.ServiceGaveUp{Origin: at("shop/db/gone")},
				tend.MessagesLost{Origin: at("shop/db"), N: 5}, tend.MessagesLost{Origin: at("shop/db/gone"), N: 2},
				tend.Escalated{Origin: at("shop/db/gone")}, tend.EventsDropped{N: 3}, tend.ServiceFailed{Origin: at("shop")},
			)
			for range 2 { // the second time nothing more has happened
				v := w.Look()
				if diff := cmp.Diff(test.shop, v.Supervisors["shop"].Incidents); diff != "" {
					t.Errorf("shop: -want +got\n%s", diff)
				}
				if db := v.Supervisors["shop/db"]; db != nil && db.Incidents != test.db || (db == nil) != (test.db == survey.Incidents{}) {
					t.Errorf("db: %+v", db)
				}
				if v.Dropped != 3 {
					t.Errorf("%d were dropped", v.Dropped)
				}
			}
			w.Close()
			p.Tell(tend.PauseBegan{Origin: at("shop")})
			if got := w.Look().Supervisors["shop"].Incidents; got != test.shop {
				t.Errorf("after Close: %+v", got)
			}
		})
	}
}

// A tree that nobody looks at, whose supervisors come and go, does not fill the memory.
func TestIncidentsAreBounded(t *testing.T) {
	p := surveytest.Shop()
	w := survey.New(p, survey.Options{})
	const n = 20_000
	for i := range n {
		p.Tell(tend.PauseBegan{Origin: at(fmt.Sprint("shop/db/", i))})
	}
	v := w.Look()
	shop, db := v.Supervisors["shop"].Pauses, v.Supervisors["shop/db"].Pauses
	if shop != n/2 || db != n/2 {
		t.Errorf("%d are counted with the root, %d with db", shop, db)
	}
}

// Each stop counts once: of services that were asked to, and of the root.
func TestStops(t *testing.T) {
	p := surveytest.Shop()
	var took []time.Duration
	survey.New(p, survey.Options{Stopped: func(d time.Duration) { took = append(took, d) }})
	asked := tend.Reason{Err: tend.ErrRemoved}
	p.Tell(
		tend.ServiceEnded{Origin: at("shop"), Took: 1, Cause: asked}, tend.ServiceEnded{Origin: at("shop"), Took: 2}, // by its own will
		tend.SupervisorStopped{Origin: at("shop/db"), Took: 3}, tend.ServiceEnded{Origin: at("shop"), Took: 4, Cause: asked}, // that is db
		tend.SupervisorStopped{Origin: at("shop"), Took: 5},
	)
	if diff := cmp.Diff([]time.Duration{1, 4, 5}, took); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Those closest to the root are told apart, and how many are not is told.
func TestMost(t *testing.T) {
	p := &surveytest.Picture{Root: *nested("r", nested("r/a", nested("r/a/b", nested("r/a/b/c"))), nested("r/d"), nested("r/d")).Supervisor}
	for most, want := range map[int]struct {
		counts map[string]int
		left   int
	}{
		-1: {map[string]int{"r": 3, "r/a": 1, "r/a/b": 1, "r/a/b/c": 0, "r/d": 0}, 0},
		0:  {map[string]int{"r": 3, "r/a": 1, "r/a/b": 1, "r/a/b/c": 0, "r/d": 0}, 0},
		1:  {map[string]int{"r": 5}, 5},
		2:  {map[string]int{"r": 3, "r/a": 2}, 4},
		3:  {map[string]int{"r": 3, "r/a": 2, "r/d": 0}, 2},
		5:  {map[string]int{"r": 3, "r/a": 1, "r/a/b": 1, "r/a/b/c": 0, "r/d": 0}, 0},
	} {
		got, v := map[string]int{}, survey.New(p, survey.Options{Most: most}).Look()
		for path, s := range v.Supervisors {
			got[path] = s.States[running]
		}
		if diff := cmp.Diff(want.counts, got); diff != "" || v.LeftOut != want.left {
			t.Errorf("most %d: %d left out, -want +got\n%s", most, v.LeftOut, diff)
		}
	}
	for range survey.DefaultMost {
		p.Root.Services = append(p.Root.Services, nested(fmt.Sprint("r/", len(p.Root.Services))))
	}
	if v := survey.New(p, survey.Options{}).Look(); len(v.Supervisors) != survey.DefaultMost || v.LeftOut != 5 {
		t.Errorf("by default there are %d, and %d are left out", len(v.Supervisors), v.LeftOut)
	}
}

// grows is a tree in which a supervisor is added and pauses while somebody looks.
type grows struct{ *surveytest.Picture }

func (g grows) Status() tend.Status {
	before := g.Root
	if len(g.Root.Services) == 0 {
		g.Root.Services = []tend.ServiceStatus{{Token: surveytest.Tokens(1)[0], State: running, Supervisor: &tend.Status{Path: "r/new"}}}
		g.Tell(tend.PauseBegan{Origin: at("r/new")})
	}
	return before
}

// What happens during a look is of the next one: the tree of this one lacks who did it.
func TestIncidentsDuringALook(t *testing.T) {
	w := survey.New(grows{&surveytest.Picture{Root: tend.Status{Path: "r"}}}, survey.Options{})
	if v := w.Look(); v.Supervisors["r"].Pauses != 0 {
		t.Error("the pause is the root's")
	}
	if v := w.Look(); v.Supervisors["r"].Pauses != 0 || v.Supervisors["r/new"].Pauses != 1 {
		t.Errorf("%d pauses are the root's, %d the new one's", v.Supervisors["r"].Pauses, v.Supervisors["r/new"].Pauses)
	}
}
