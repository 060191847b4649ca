package tend_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thejerf/abtime"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

var (
	simSeed  = flag.Uint64("sim.seed", 0, "simulate the tree of this seed only")
	simSeeds = flag.Uint64("sim.seeds", 1000, "simulate the trees of this many seeds")
)

// TestSimulation lets random trees of services that misbehave live for a while
// and be stopped, while several goroutines use them, and compares what happened
// with a model that is much simpler than the library: what each service says it
// did, and what the events say.
//
//	go test -run TestSimulation -sim.seed 17
//
// runs one tree again.
func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		simulate(t, *simSeed)
		return
	}
	seeds := *simSeeds
	if testing.Short() {
		seeds /= 10
	}
	for seed := uint64(1); seed <= seeds && !t.Failed(); seed++ {
		simulate(t, seed)
	}
}

func simulate(t *testing.T, seed uint64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sim := &simulation{t: t, seed: seed, model: newModel(), places: map[*tend.Supervisor]owned{}}
		sim.run(rand.New(rand.NewPCG(seed, 7)))
		if t.Failed() {
			t.Logf("seed %d; replay with -sim.seed %d", seed, seed)
		}
	})
}

type simulation struct {
	t     *testing.T
	seed  uint64
	model *model
	tape  *tendtest.Tape
	clock *setClock
	root  *tend.Supervisor

	mu     sync.Mutex
	sups   []*tend.Supervisor
	tokens []owned
	places map[*tend.Supervisor]owned // of those that are below another one
	names  int
}

type owned struct {
	sup *tend.Supervisor
	tok tend.ServiceToken
}

func (sim *simulation) run(r *rand.Rand) {
	sim.tape = tendtest.NewTape(sim.t)
	sim.clock = &setClock{AbstractTime: abtime.NewRealTime()}
	sim.root = sim.supervisor(r, "root", 1+r.IntN(4), sim.tape.Hook)
	for range 1 + r.IntN(2) { // it may be served again
		ctx, cancel := context.WithCancelCause(context.Background())
		done := sim.root.ServeBackground(ctx)
		sim.use(r)
		stopBy := r.IntN(2)
		if stopBy == 0 {
			cancel(errBoom)
		} else {
			sim.root.Stop()
		}
		err := <-done
		if stopBy == 0 && !errors.Is(err, errBoom) && !sim.endedItself(err) {
			sim.t.Errorf("Serve returned %v", err)
		}
		cancel(nil)
	}
	time.Sleep(24 * time.Hour) // whatever hangs comes to its end
	synctest.Wait()
	sim.check()
}

// endedItself: the tree ended before it was told to.
func (sim *simulation) endedItself(err error) bool {
	var many *tend.TooManyFailures
	if errors.As(err, &many) || errors.Is(err, tend.ErrTerminateTree) || errors.Is(err, tend.ErrDoNotRestart) {
		return true
	}
	// What the last significant service ended with.
	for _, end := range []error{errSim, tend.ErrGoexit, context.Canceled, tend.ErrNotReady, tend.ErrUnresponsive} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

var errSim = errors.New("simulated")

// supervisor makes a random one with random services.
func (sim *simulation) supervisor(r *rand.Rand, name string, depth int, hook func(tend.Event)) *tend.Supervisor {
	spec := tend.Spec{
		Strategy: tend.Strategy(r.IntN(3)), Ordered: r.IntN(3) == 0, Escalate: r.IntN(4) == 0,
		FailureThreshold: float64(1 + r.IntN(5)), FailureBackoff: time.Duration(1+r.IntN(10)) * time.Second,
		Timeout: time.Duration(1+r.IntN(5)) * time.Second, KeepTermination: r.IntN(2) == 0,
		Jitter: -1, EventHook: hook,
	}
	if name == "root" {
		spec.Clock = sim.clock
	}
	if r.IntN(3) == 0 {
		spec.StopWithin = time.Duration(1+r.IntN(10)) * time.Second
	}
	if r.IntN(3) == 0 {
		spec.Strategy = tend.OneForOne
	}
	if r.IntN(3) == 0 {
		spec.MaxStarting = 1 + r.IntN(2)
	}
	s := tend.New(name, spec)
	sim.mu.Lock()
	sim.sups = append(sim.sups, s)
	sim.mu.Unlock()
	for range 1 + r.IntN(4) {
		if depth > 1 && r.IntN(3) == 0 {
			below := sim.supervisor(r, sim.name("s"), depth-1, nil)
			var svc tend.Service = below
			if r.IntN(3) == 0 {
				svc = struct{ *tend.Supervisor }{below}
			}
			sim.put(below, s, s.Add(svc))
		} else {
			sim.keep(s, s.Add(sim.service(r)))
		}
	}
	return s
}

func (sim *simulation) name(kind string) string {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	sim.names++
	return fmt.Sprint(kind, sim.names)
}

func (sim *simulation) keep(s *tend.Supervisor, tok tend.ServiceToken) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	sim.tokens = append(sim.tokens, owned{s, tok})
}

// put notes where a supervisor is.
func (sim *simulation) put(below, s *tend.Supervisor, tok tend.ServiceToken) {
	sim.keep(s, tok)
	sim.mu.Lock()
	defer sim.mu.Unlock()
	sim.places[below] = owned{s, tok}
}

// service makes a random service: each run does something else.
func (sim *simulation) service(r *rand.Rand) tend.Service {
	if r.IntN(3) == 0 {
		return sim.serviceCalled(sim.name("wo"), r)
	}
	return sim.serviceCalled(sim.name("w"), r)
}

// serviceCalled makes one with that name, of which there may have been others.
func (sim *simulation) serviceCalled(name string, r *rand.Rand) tend.Service {
	own := strings.HasPrefix(name, "wo")
	mine := rand.New(rand.NewPCG(r.Uint64(), 1))
	c := tend.Child{
		Name: name, Restart: tend.Restart(r.IntN(3)), Significant: r.IntN(10) == 0,
		Service: tend.Func(name, func(ctx context.Context) error { return sim.model.live(ctx, name, mine) }),
	}
	if r.IntN(3) == 0 {
		c.ReadyTimeout = time.Duration(1+r.IntN(5)) * time.Second
	}
	if r.IntN(5) == 0 {
		c.Watchdog = time.Duration(1+r.IntN(20)) * time.Second
	}
	if r.IntN(3) == 0 && c.Watchdog == 0 {
		c.Service = newLatent(c.Service)
	}
	if own {
		c.Backoff = tend.Backoff{Min: time.Second, Max: 10 * time.Second}
		c.Limit.N = r.IntN(6)
	}
	return c
}

// use lets a few goroutines use the tree at random for some minutes.
func (sim *simulation) use(r *rand.Rand) {
	var users sync.WaitGroup
	for range 1 + r.IntN(4) {
		mine := rand.New(rand.NewPCG(r.Uint64(), 2))
		users.Go(func() {
			for range 2 + mine.IntN(8) {
				time.Sleep(time.Duration(mine.IntN(20_000)) * time.Millisecond)
				sim.meddle(mine)
			}
		})
	}
	users.Wait()
}

// meddle does one random thing to the tree.
func (sim *simulation) meddle(r *rand.Rand) {
	sim.mu.Lock()
	o := sim.tokens[r.IntN(len(sim.tokens))]
	s := sim.sups[r.IntN(len(sim.sups))]
	sim.mu.Unlock()
	var err error
	switch r.IntN(14) {
	case 0, 1:
		sim.keep(s, s.Add(sim.service(r)))
	case 2:
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_, _ = s.Start(ctx, sim.service(r))
		cancel()
	case 3:
		err = o.sup.Remove(o.tok)
	case 4:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(5))*time.Second-1)
		err = o.sup.RemoveAndWait(ctx, o.tok)
		cancel()
	case 5:
		err = o.sup.Restart(o.tok, nil)
	case 6:
		err = o.sup.Restart(o.tok, errSim)
	case 7:
		err = o.sup.Suspend(o.tok)
	case 8:
		if text := s.Status().String(); text == "" {
			sim.t.Error("the status is empty")
		}
		_, _ = s.Services(), s.UnstoppedServices()
	case 9:
		err = sim.wait(r, o)
	case 10:
		sim.clock.by.Add(r.Int64N(7200) - 3600)
	case 11:
		sim.move(s, sim.any(r))
	case 12:
		sim.flood(s, o)
	case 13:
		err = sim.replace(r, o)
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, tend.ErrRemoved) {
		sim.t.Error(err)
	}
}

// wait waits for any state of a service, and asks how it is.
func (sim *simulation) wait(r *rand.Rand, o owned) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = o.sup.WaitState(ctx, o.tok, tend.State(r.IntN(int(tend.StateGone)+1)))
	status, err := o.sup.ServiceStatus(o.tok)
	if err == nil && status.Token != o.tok {
		sim.t.Errorf("the status is that of %v", status.Token)
	}
	return err
}

// replace puts another service with the same name into the place of one that is no
// supervisor.
func (sim *simulation) replace(r *rand.Rand, o owned) error {
	status, err := o.sup.ServiceStatus(o.tok)
	if err != nil || !strings.HasPrefix(status.Name, "w") {
		return err
	}
	if r.IntN(2) == 0 {
		return o.sup.Replace(o.tok, sim.serviceCalled(status.Name, r))
	}
	sim.model.overlap(status.Name)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(8))*time.Second)
	defer cancel()
	_ = o.sup.ReplaceWhenReady(ctx, o.tok, tend.Child{Service: sim.serviceCalled(status.Name, r), ReadyTimeout: 5 * time.Second})
	return nil
}

// any is a random supervisor.
func (sim *simulation) any(r *rand.Rand) *tend.Supervisor {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	return sim.sups[r.IntN(len(sim.sups))]
}

// move takes a supervisor away, if it has stopped in time, and adds it to another one;
// or to none, if that is below it.
func (sim *simulation) move(s, to *tend.Supervisor) {
	sim.mu.Lock()
	from, is := sim.places[s]
	delete(sim.places, s) // nobody else moves it
	sim.mu.Unlock()
	if !is {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if from.sup.RemoveAndWait(ctx, from.tok) != nil {
		return
	}
	defer func() { _ = recover() }()
	sim.put(s, to, to.Add(s))
}

// flood asks a supervisor for all kinds of things, from many goroutines at once.
func (sim *simulation) flood(s *tend.Supervisor, o owned) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 { // not so many that events have no room
				_, _ = s.Status(), s.Services()
				_ = o.sup.Restart(o.tok, nil)
				_ = o.sup.RemoveAndWait(canceled(), s.Add(idle("flood")))
			}
		})
	}
	all.Wait()
}

// check compares what happened with the model. A goroutine that is left behind fails the
// bubble itself.
func (sim *simulation) check() {
	sim.model.check(sim.t, sim.tape.Events())
	if list := sim.root.UnstoppedServices(); len(list) != 0 {
		sim.t.Errorf("on the books at the end: %v", list)
	}
	for _, s := range sim.sups {
		for _, c := range s.Status().Services {
			switch c.State {
			case tend.StatePending, tend.StateSuspended, tend.StateDone, tend.StateFailed:
			default:
				sim.t.Errorf("%s is %v at the end", c.Path, c.State)
			}
		}
	}
}

// model is what the services say of themselves: how often each has run, and how
// often at once.
type model struct {
	mu    sync.Mutex
	alive map[string]int
	most  map[string]int // at once, if it is more than one
	runs  map[string]int
	twice []string
}

func newModel() *model {
	return &model{alive: map[string]int{}, most: map[string]int{}, runs: map[string]int{}}
}

// overlap: from now on there may be two with that name.
func (m *model) overlap(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.most[name] = 2
}

// live is one run of a service.
func (m *model) live(ctx context.Context, name string, r *rand.Rand) error {
	m.mu.Lock()
	m.runs[name]++
	if m.alive[name]++; m.alive[name] > max(1, m.most[name]) {
		m.twice = append(m.twice, name)
	}
	what, length, hang := r.IntN(12), time.Duration(r.IntN(60_000))*time.Millisecond, time.Duration(r.IntN(8_000))*time.Millisecond
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.alive[name]--
		m.mu.Unlock()
	}()
	time.Sleep(length / 20)
	tend.Ready(ctx)
	if what == 10 {
		tend.Go(ctx, func(ctx context.Context) error { wait(ctx, length); return errSim })
	}
	if wait(ctx, length) && what < 11 {
		time.Sleep(hang * time.Duration(r.IntN(2)))
		if what == 0 {
			panic("on the way down")
		}
		return ctx.Err()
	}
	switch what {
	case 0:
		panic(errSim)
	case 1:
		runtime.Goexit()
	case 2:
		return nil
	case 3:
		return context.Canceled // a foreign one
	case 4:
		if length > 50*time.Second {
			return fmt.Errorf("enough: %w", tend.ErrTerminateTree)
		}
		return tend.ErrDoNotRestart
	case 11: // deaf
		time.Sleep(time.Minute)
	}
	return errSim
}

// wait waits, with signs of life, and reports whether ctx ended it.
func wait(ctx context.Context, d time.Duration) bool {
	end := time.After(d)
	tick := time.NewTicker(3 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			tend.Alive(ctx)
		case <-end:
			return false
		case <-ctx.Done():
			return true
		}
	}
}

// check reads the events: of each service one beginning and one end a run, in
// turn and in time; each failure count is what the one before has decayed to,
// plus one; a pause is announced and ended in turn.
func (m *model) check(t *testing.T, events []tend.Event) {
	if len(m.twice) > 0 {
		t.Errorf("two incarnations at once: %v", m.twice)
	}
	started, running := map[string]int{}, map[string]bool{}
	paused := map[string]bool{}
	var last time.Time
	for _, e := range events {
		o := e.From()
		if o.Time.Before(last) && last.Sub(o.Time) > time.Nanosecond {
			t.Errorf("%v comes after something later", e)
		}
		last = o.Time
		id := o.Token.String()
		run := fmt.Sprint(id, " ", o.Incarnation)
		switch e := e.(type) {
		case tend.ServiceStarted:
			if running[run] || uint64(started[id]) != e.Restarts {
				t.Errorf("%v: running %v, started %d times before", e, running[run], started[id])
			}
			running[run] = true
			started[id]++
		case tend.ServiceFailed, tend.ServiceEnded:
			if !running[run] {
				t.Errorf("%v: does not run", e)
			}
			running[run] = false
		case tend.PauseBegan:
			if paused[o.Supervisor] {
				t.Errorf("%v: in a pause", e)
			}
			paused[o.Supervisor] = true
		case tend.PauseEnded:
			if !paused[o.Supervisor] {
				t.Errorf("%v: no pause", e)
			}
			paused[o.Supervisor] = false
		case tend.EventsDropped:
			t.Errorf("%v", e)
		}
	}
	m.checkRuns(t, events, running)
	checkCounts(t, events)
}

// checkRuns compares how often services ran with how often they were started.
func (m *model) checkRuns(t *testing.T, events []tend.Event, running map[string]bool) {
	for id, still := range running {
		if still {
			t.Errorf("%s began and never ended", id)
		}
	}
	starts := map[string]int{}
	for _, e := range events {
		if e, is := e.(tend.ServiceStarted); is && strings.HasPrefix(e.Service, "w") {
			starts[e.Service]++
		}
	}
	for name, runs := range m.runs {
		if starts[name] != runs {
			t.Errorf("%s ran %d times, started %d times", name, runs, starts[name])
		}
	}
	if len(starts) != len(m.runs) {
		t.Errorf("%d services were started, %d ran", len(starts), len(m.runs))
	}
}

// checkCounts computes each failure count of a supervisor again.
func checkCounts(t *testing.T, events []tend.Event) {
	type count struct {
		value float64
		at    time.Time
	}
	counts := map[string]count{}
	for _, e := range events {
		switch e := e.(type) {
		case tend.SupervisorStarted, tend.PauseEnded:
			delete(counts, e.From().Supervisor)
		case tend.ServiceFailed:
			if strings.HasPrefix(e.Service, "wo") || !e.Restarting {
				continue // it has a budget of its own, or leaves
			}
			c := counts[e.Supervisor]
			want := c.value*math.Exp2(-e.Time.Sub(c.at).Seconds()/30) + 1
			if math.Abs(want-e.Count) > 1e-6 {
				t.Errorf("%v: count %v, want %v", e, e.Count, want)
			}
			counts[e.Supervisor] = count{want, e.Time}
		}
	}
}
