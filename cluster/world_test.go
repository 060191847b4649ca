package cluster

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/tend-go/tend/cluster/internal/history"
	"github.com/tend-go/tend/cluster/internal/memory"
	"github.com/tend-go/tend/cluster/internal/store"
)

// A world is a fleet of plans with an engine, a network, services and a resource, all of
// it in one queue of moments: what happens follows from the seed alone.
type world struct {
	*rand.Rand
	faults  faults
	mutant  mutant
	now     time.Duration
	queue   moments
	number  int
	mem     *memory.Memory
	log     int // how much of mem's log has been sent to watchers
	nodes   []*simNode
	records []history.Record
	fence   map[string]int64
	err     error
}

// faults say what may go wrong.
type faults struct {
	rate    float64       // clocks of nodes differ from the engine's by at most this part
	slowest time.Duration // how long a service takes to stop at most
	lossy   float64       // the part of requests, and of answers, that is lost
	events  int           // kills, cuts, pauses …
	pauses  bool
}

// A mutant breaks one rule, at the border of a plan: the checker has to notice.
type mutant struct {
	answerTime bool          // the lease counts from the answer
	wake       time.Duration // the time is looked at so often only
	late       time.Duration // answers come as late as this
	noMargin   bool
	early      bool // released before Serve has returned
	hasty      bool // forgotten when the delete is answered
	noOverrun  bool
	adoptsOld  bool // an earlier lease's claim is adopted
	takesAll   bool // the resource does not fence
}

type moment struct {
	at     time.Duration
	number int
	f      func()
}

type moments []moment

func (m moments) Len() int { return len(m) }
func (m moments) Less(i, j int) bool {
	return m[i].at < m[j].at || m[i].at == m[j].at && m[i].number < m[j].number
}
func (m moments) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m *moments) Push(x any)   { *m = append(*m, x.(moment)) }
func (m *moments) Pop() any {
	old := *m
	last := old[len(old)-1]
	*m = old[:len(old)-1]
	return last
}

const (
	simTTL     = 10 * time.Second
	simTimeout = 2 * time.Second
	simMargin  = 500 * time.Millisecond
)

func (w *world) options(name string) Options {
	o := Options{Fleet: "f", Name: name, TTL: simTTL, Margin: simMargin, Settle: time.Second, Moves: 8}
	if w.mutant.noMargin {
		o.Margin = 1
	}
	return o
}

func newWorld(seed uint64, nodes int, roles map[string]int, f faults, m mutant) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 7)), faults: f, mutant: m, mem: memory.New(1), fence: map[string]int64{}}
	for i := range nodes {
		n := &simNode{world: w, name: fmt.Sprint("n", i+1), roles: roles}
		w.nodes = append(w.nodes, n)
		w.after(w.upTo(time.Second), n.begin)
	}
	return w
}

func (w *world) after(d time.Duration, f func()) {
	w.number++
	heap.Push(&w.queue, moment{w.now + d, w.number, f})
}

func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.Float64() * float64(d)) }

// run lets the world go on until a moment.
func (w *world) run(until time.Duration) {
	for len(w.queue) > 0 && w.queue[0].at <= until {
		m := heap.Pop(&w.queue).(moment)
		if w.now = m.at; w.number > 1_000_000 {
			panic("tend/cluster: a world that spins")
		}
		m.f()
		w.mem.Pass(w.now)
		w.publish()
		if next, ok := w.mem.Next(); ok {
			w.expiry(next)
		}
	}
	w.now = until
}

// expiry has the engine's time pass when a lease ends.
func (w *world) expiry(at time.Duration) {
	if len(w.queue) == 0 || w.queue[0].at > at {
		w.after(at-w.now, func() {})
	}
}

// publish sends each watcher what is new, later and in order.
func (w *world) publish() {
	log := w.mem.Log()
	for ; w.log < len(log); w.log++ {
		for _, n := range w.nodes {
			if n.watches {
				n.deliver(log[w.log])
			}
		}
	}
}

func (w *world) note(what history.What, process, shard string, token int64) {
	w.records = append(w.records, history.Record{At: w.now, What: what, Process: process, Shard: shard, Token: token})
}

// act is what a service does to the resource that it owns.
func (w *world) act(process, shard string, token int64) {
	taken := token >= w.fence[shard] || w.mutant.takesAll
	w.fence[shard] = max(w.fence[shard], token)
	w.records = append(w.records, history.Record{At: w.now, What: history.Act, Process: process, Shard: shard, Token: token, Taken: taken})
}

// A simNode is one process after the other under one name.
type simNode struct {
	*world
	name  string
	roles map[string]int
	lives int
	life  *life
	cut   bool
	// watches: the watcher has its snapshot, and gets what follows; last is when it will
	// have got what was sent so far.
	watches bool
	last    time.Duration
}

// A life is one process: what is sent to it after its end is lost.
type life struct {
	*simNode
	process  string
	plan     *plan
	born     time.Duration
	rate     float64
	alarm    instant
	paused   bool
	missed   []func() // what came while it was paused
	dead     bool
	runs     map[shardID]*simRun
	stubborn bool
}

type simRun struct {
	token   int64
	told    bool
	running bool
}

func (n *simNode) begin() {
	if n.life != nil && !n.life.dead {
		return
	}
	n.lives++
	l := &life{simNode: n, process: n.name + "#" + strconv.Itoa(n.lives), born: n.now, alarm: never, runs: map[shardID]*simRun{}}
	l.rate = 1 + n.faults.rate*(2*n.Float64()-1)
	l.stubborn = n.Float64() < 0.1
	l.plan = newPlan(n.options(n.name), 0)
	n.life = l
	for role, shards := range n.roles {
		l.step(attached{takes{role: role, shards: shards, timeout: simTimeout, weight: 1}})
	}
	n.list()
	l.step(due{})
}

// local is what the process's clock shows.
func (l *life) local() instant { return instant(float64(l.now-l.born) * l.rate) }

// later does f in the life, if it lasts and when it goes on.
func (l *life) later(d time.Duration, f func()) {
	l.after(d, func() { l.soon(f) })
}

func (l *life) soon(f func()) {
	switch {
	case l.dead:
	case l.paused:
		l.missed = append(l.missed, f)
	default:
		f()
	}
}

func (l *life) step(m message) {
	if l.dead {
		return
	}
	for _, e := range l.plan.step(l.local(), m) {
		l.carryOut(e)
	}
	if d, ok := m.(deleted); ok && l.mutant.hasty {
		if b := l.plan.books.of(d.id); b != nil && b.state == released {
			l.plan.forget(b)
		}
	}
	l.arm()
}

// arm has the plan look at the time when something is due.
func (l *life) arm() {
	at := l.plan.wake()
	if at == never || l.plan.finished || l.dead {
		return
	}
	if every := l.mutant.wake; every > 0 {
		at = (at + every - 1) / every * every
	}
	if at == l.alarm && at > l.local() {
		return
	}
	l.alarm = at
	wait := max(time.Duration(float64(at-l.local())/l.rate)+1, 1)
	l.later(wait, func() {
		if l.alarm == at {
			l.alarm = never
			l.step(due{})
		}
	})
}

func (l *life) carryOut(e effect) {
	switch e := e.(type) {
	case open, renew, revoke, register, update, count, create, remove:
		l.operate(e)
	case start:
		l.start(e)
	case tell:
		l.tell(e)
	case overrun:
		if !l.mutant.noOverrun {
			l.die()
		}
	case finish:
		l.dead = true
		l.watches = false
	case deadline, show, emit, ready:
	}
}

// operate sends a request; it or its answer may be lost, late or doubled. What is not
// answered in time is given up, and may be carried out later.
func (l *life) operate(e effect) {
	sent := l.local()
	answered, late := false, false
	l.later(time.Duration(float64(simTTL/5)/l.rate), func() {
		if !answered {
			late = true
			l.step(l.result(e, sent, store.Answer{}, 0, errLate))
		}
	})
	if l.lost() {
		return
	}
	l.after(l.delay(), func() {
		l.mem.Pass(l.now)
		a, lease, err := l.perform(e)
		if l.lost() {
			return
		}
		back := l.delay() + l.mutant.late
		for range 1 + l.IntN(30)/29 {
			l.later(back, func() {
				if late && l.Float64() < 0.5 {
					return
				}
				answered = true
				l.step(l.result(e, l.counted(sent), a, lease, err))
			})
			back += l.delay()
		}
	})
}

// counted is when a lease counts from.
func (l *life) counted(sent instant) instant {
	if l.mutant.answerTime {
		return l.local()
	}
	return sent
}

var errLate = fmt.Errorf("no answer in time")

func (l *life) lost() bool { return l.cut || l.Float64() < l.faults.lossy }

// delay is short, and rarely long as long as there are faults.
func (w *world) delay() time.Duration {
	if w.Float64() < 0.02 && w.faults.lossy > 0 {
		return w.upTo(3 * time.Second)
	}
	return w.upTo(20 * time.Millisecond)
}

func (l *life) perform(e effect) (a store.Answer, lease store.LeaseID, err error) {
	keys := fleetKeys("f")
	switch e := e.(type) {
	case open:
		lease, a.Head = l.mem.Open(l.now, simTTL)
	case renew:
		a.Head, err = l.mem.Renew(l.now, e.lease)
	case revoke:
		err = l.mem.Revoke(e.lease)
	case register:
		a, err = l.mem.Create(l.now, keys.member(l.name), e.value, e.lease, store.Guard{})
	case update:
		a = l.mem.Update(keys.member(l.name), e.value, e.token)
	case count:
		a = l.mem.SetIfNone(keys.shards(e.role), strconv.Itoa(e.shards), keys.claims(e.role))
	case create:
		a, err = l.mem.Create(l.now, keys.claim(e.id), owns(l.name), e.lease, e.guard)
	case remove:
		a = l.mem.Delete(keys.claim(e.id), e.token)
	}
	return a, lease, err
}

// result is the message that answers an operation.
func (l *life) result(e effect, sent instant, a store.Answer, lease store.LeaseID, err error) message {
	switch e := e.(type) {
	case open:
		return opened{sent, lease, a.Head, err}
	case renew:
		return renewed{sent, e.lease, a.Head, err}
	case revoke:
		return revoked{e.lease, err}
	case register:
		return registered{e.lease, e.value, a, err}
	case update:
		return updated{e.lease, e.value, a, err}
	case count:
		return counted{e.role, a.Head, err}
	case create:
		return created{e.op, e.id, a, err}
	case remove:
		return deleted{e.id, e.token, a, err}
	}
	panic("no operation")
}

// list has the watcher begin anew, with a snapshot.
func (n *simNode) list() {
	n.watches = false
	l := n.life
	n.after(n.delay(), func() {
		if n.life != l || n.watches {
			return
		}
		n.watches = true
		n.mem.Pass(n.now)
		n.publish()
		n.deliver(n.mem.Snapshot(string(fleetKeys("f"))))
	})
}

// deliver sends a batch, after those that were sent before.
func (n *simNode) deliver(b store.Batch) {
	l := n.life
	n.last = max(n.last, n.now+n.delay())
	n.after(n.last-n.now, func() { l.see(b) })
}

func (l *life) see(b store.Batch) {
	if l.cut {
		l.after(100*time.Millisecond, func() {
			if l.life == l && !l.dead {
				l.list() // what was sent meanwhile may be lost
			}
		})
		return
	}
	if l.mutant.adoptsOld {
		b = l.adopting(b)
	}
	l.soon(func() { l.step(saw{b}) })
}

// adopting shows claims of an earlier life as those of this one.
func (l *life) adopting(b store.Batch) store.Batch {
	changes := make([]store.Change, len(b.Changes))
	for i, c := range b.Changes {
		if c.Value == owns(l.name) {
			c.Lease = l.plan.lease.id
		}
		changes[i] = c
	}
	b.Changes = changes
	return b
}

func (id shardID) String() string { return id.role + "/" + strconv.Itoa(id.shard) }

func (l *life) start(e start) {
	id := shardID{e.claim.Role, e.claim.Shard}
	if old := l.runs[id]; old != nil && old.running && l.err == nil {
		l.err = fmt.Errorf("%s starts %v again while it runs", l.process, id)
	}
	r := &simRun{token: e.claim.Token, running: true}
	l.runs[id] = r
	l.note(history.Start, l.process, id.String(), r.token)
	l.work(id, r)
}

// work acts until the service is told.
func (l *life) work(id shardID, r *simRun) {
	if r.told || !r.running {
		return
	}
	l.act(l.process, id.String(), r.token)
	l.later(50*time.Millisecond+l.upTo(2*time.Second), func() { l.work(id, r) })
}

func (l *life) tell(e tell) {
	r := l.runs[e.id]
	r.told = true
	l.note(history.Told, l.process, e.id.String(), r.token)
	back := returned{e.id, e.token}
	if l.mutant.early {
		l.later(0, func() { l.step(back) })
	}
	l.later(l.stopping(), func() {
		r.running = false
		l.note(history.Stop, l.process, e.id.String(), r.token)
		l.step(back)
	})
}

// stopping is how long a service takes to return; now and then far too long.
func (l *life) stopping() time.Duration {
	if l.stubborn && l.Float64() < 0.3 {
		return l.upTo(3 * simTTL)
	}
	return l.upTo(l.faults.slowest)
}

func (l *life) die() {
	if l.dead {
		return
	}
	l.dead = true
	l.watches = false
	l.note(history.Dead, l.process, "", 0)
	n := l.simNode
	l.after(l.upTo(5*time.Second), n.begin)
}
