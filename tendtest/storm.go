package tendtest

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/tend-go/tend"
)

// Storm says what [Tree.Storm] does. Zero values are defaults.
type Storm struct {
	// Seed is what all that happens comes from. Default: that of the flag -tendtest.seed, or
	// else one by chance. It is logged.
	Seed uint64

	// Acts is how many things happen. Default 100.
	Acts int

	// Pause is how long it may be from one to the next; often it is nothing. Default 1s.
	Pause time.Duration

	// Spare are patterns of paths of services to which nothing happens by themselves.
	Spare []string

	// Calm is how long after the storm everything may take to be up, beside the pauses,
	// backoffs and stops that the status names; those of a service that has failed in the calm
	// count for two hours. Default 1m.
	Calm time.Duration
}

var seed = flag.Uint64("tendtest.seed", 0, "the Seed of tendtest's storms that have none")

// Storm has things happen to the services of the tree at random: failures, panics, hangs, slow
// stops, starts that fail, restarts, suspensions, and services of its own that come and go. A
// tree that ends by itself meanwhile is served again. Then it heals all, brings back what it
// has suspended and what has failed for good, and waits for the calm: the test fails, with all
// that has happened, if a service is not up that is to run, while nothing says when it will be.
// That there are never two runs of one at once is looked at as long as a tree is served.
//
// The same seed does the same to the same paths at the same times. What the tree makes of it may
// differ if that goes by chance itself, as pauses do with a Jitter. It must be called in a
// bubble of testing/synctest.
func (tr *Tree) Storm(s Storm) {
	tr.t.Helper()
	if tr.before.bubble == "" || tr.done == nil {
		tr.t.Fatal("tendtest: Storm wants a tree that is served, in a bubble: see Run")
	}
	w := newWeather(tr, s)
	tr.t.Logf("tendtest: a storm with the Seed %d; -tendtest.seed=%d has it again", w.Seed, w.Seed)
	for range w.Acts {
		w.act()
	}
	w.settle()
	if down := w.await(); down != "" {
		tr.t.Errorf("tendtest: after the storm with the Seed %d these are not up:\n%sIt was\n\t%s", w.Seed, down, strings.Join(w.log, "\n\t"))
	}
}

// weather is a storm under way.
type weather struct {
	Storm
	tree     *Tree
	rand     *rand.Rand
	begin    time.Time
	paths    []string            // of those to which things happen
	tokens   []tend.ServiceToken // theirs
	off      map[uint64]bool     // were not to run when it began
	visitors []visitor
	visits   int
	log      []string
}

// visitor is a service of the storm's own.
type visitor struct {
	at    *tend.Supervisor
	token tend.ServiceToken
}

func newWeather(tr *Tree, s Storm) *weather {
	s.Seed = cmp.Or(s.Seed, *seed, 1+rand.Uint64N(1e9))
	s.Acts, s.Pause, s.Calm = cmp.Or(s.Acts, 100), cmp.Or(s.Pause, time.Second), cmp.Or(s.Calm, time.Minute)
	w := &weather{Storm: s, tree: tr, rand: rand.New(rand.NewPCG(s.Seed, 0)), begin: time.Now(), off: map[uint64]bool{}}
	status := tr.Root.Status()
	for _, c := range status.All() {
		if !slices.ContainsFunc(s.Spare, func(pattern string) bool { return matches(pattern, c.Path) }) {
			w.paths, w.tokens = append(w.paths, c.Path), append(w.tokens, c.Token)
		}
		w.off[c.Token.ID()] = !c.Wanted && c.State != tend.StateDone
	}
	return w
}

// deeds are what happens, the more often the more often they are here.
var deeds = []struct {
	name string
	do   func(w *weather, path string, token tend.ServiceToken)
}{
	{"Fail", func(w *weather, path string, _ tend.ServiceToken) {
		w.tree.faults.strike(path, ending{how: returns, err: ErrFault})
	}},
	{"Panic", func(w *weather, path string, _ tend.ServiceToken) {
		w.tree.faults.strike(path, ending{how: panics, value: ErrFault})
	}},
	{"Exit", func(w *weather, path string, _ tend.ServiceToken) { w.tree.faults.strike(path, ending{how: exits}) }},
	{"Restart", func(w *weather, _ string, token tend.ServiceToken) { _ = w.tree.Root.Restart(token, nil) }},
	{"Restart", func(w *weather, _ string, token tend.ServiceToken) { _ = w.tree.Root.Restart(token, nil) }},
	{"Restart with an error", func(w *weather, _ string, token tend.ServiceToken) { _ = w.tree.Root.Restart(token, ErrFault) }},
	{"Suspend", func(w *weather, _ string, token tend.ServiceToken) { _ = w.tree.Root.Suspend(token) }},
	{"Hang", func(w *weather, path string, _ tend.ServiceToken) { w.rule(path, rule{effects: effects{hang: true}}) }},
	{"SlowStop", func(w *weather, path string, _ tend.ServiceToken) {
		w.rule(path, rule{effects: effects{slow: w.pause()}})
	}},
	{"NeverReady", func(w *weather, path string, _ tend.ServiceToken) { w.rule(path, rule{effects: effects{mute: true}}) }},
	{"FailStart", func(w *weather, path string, _ tend.ServiceToken) {
		w.rule(path, rule{starts: 1 + w.rand.IntN(3), failed: map[uint64]int{}})
	}},
	{"Heal", func(w *weather, path string, _ tend.ServiceToken) { w.rule(path, rule{heals: true}) }},
	{"Heal of all", func(w *weather, _ string, _ tend.ServiceToken) { w.tree.faults.healAll() }},
	{"Heal of all", func(w *weather, _ string, _ tend.ServiceToken) { w.tree.faults.healAll() }},
	{"Add beside", func(w *weather, _ string, token tend.ServiceToken) { w.visit(token) }},
	{"Remove of what was added", func(w *weather, _ string, _ tend.ServiceToken) { w.leave() }},
}

// act has something happen, and some time pass.
func (w *weather) act() {
	if len(w.paths) == 0 {
		w.tree.t.Fatal("tendtest: Storm: there is no service that it is not to spare")
	}
	i := w.rand.IntN(len(w.paths))
	deed := deeds[w.rand.IntN(len(deeds))]
	w.say("%s %s", deed.name, w.paths[i])
	deed.do(w, w.paths[i], w.tokens[i])
	w.tree.rest() // or what comes next would meet it here or there
	if w.rand.IntN(3) > 0 {
		time.Sleep(w.pause())
	}
	w.serve()
}

func (w *weather) say(format string, args ...any) {
	w.log = append(w.log, time.Since(w.begin).String()+" "+fmt.Sprintf(format, args...))
}

func (w *weather) pause() time.Duration { return 1 + time.Duration(w.rand.Int64N(int64(w.Pause))) }

func (w *weather) rule(path string, r rule) {
	r.pattern, r.call = path, "Storm"
	w.tree.faults.add(&r, w.paths)
}

// visit adds a service of the storm's own to the supervisor that a service is, or to the root.
func (w *weather) visit(token tend.ServiceToken) {
	at, err := w.tree.Root.Nested(token)
	if err != nil || at == nil {
		at = w.tree.Root
	}
	w.visits++
	if added := at.Add(Idle(fmt.Sprintf("storm-%d", w.visits))); added.ID() != 0 { // there is room
		w.visitors = append(w.visitors, visitor{at, added})
	}
}

// leave removes one of them.
func (w *weather) leave() {
	if len(w.visitors) == 0 {
		return
	}
	i := w.rand.IntN(len(w.visitors))
	_ = w.visitors[i].at.Remove(w.visitors[i].token)
	w.visitors = slices.Delete(w.visitors, i, i+1)
}

// serve has a tree that has ended by itself served again.
func (w *weather) serve() {
	select {
	case err := <-w.tree.done:
		w.say("the tree has ended with: %v", err)
		w.tree.done = nil
		w.tree.Serve()
	default:
	}
}
