package health

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// bench is a plan with a clock that is set by hand. Its checks are started and
// ended by hand too.
type bench struct {
	*plan
	t     testing.TB
	begun time.Time
	now   time.Time
}

func newBench(t testing.TB, slots int) *bench {
	p := newPlan(slots, func() float64 { return 0 })
	p.outbox.retry = tend.Backoff{Min: time.Second, Max: time.Minute}
	p.outbox.wantChanges, p.outbox.wantResults = true, true
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return &bench{plan: p, t: t, begun: begun, now: begun}
}

func (b *bench) add(p Probe) *entry {
	b.t.Helper()
	if p.Check == nil && p.List == nil && p.MaxAge == 0 {
		p.Check = func(context.Context) error { return nil }
	}
	p, err := p.complete()
	if err == nil {
		err = b.plan.add(p, b.now, nil, nil)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return b.entries[p.Name]
}

// at sets the clock, makes a step and returns the names of what it starts.
func (b *bench) at(d time.Duration) (started []string) {
	b.now = b.begun.Add(d)
	b.step(b.now)
	for _, r := range b.takeEffects().starts {
		started = append(started, r.probe.Name)
	}
	return started
}

// end says that the run of e is over.
func (b *bench) end(e *entry, m mark) {
	b.landed = append(b.landed, landing{run: e.run, outcome: outcome{mark: m}, at: b.now})
}

func (b *bench) want(got, want any) {
	b.t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(verdict{})); diff != "" {
		b.t.Errorf("%v: -want +got:\n%s", b.now.Sub(b.begun), diff)
	}
}

// After a suspension a probe runs once, not as often as it was missed, and a clock
// that goes back does no harm.
func TestAClockThatJumpsMakesOneLateRun(t *testing.T) {
	b := newBench(t, 1)
	e := b.add(Probe{Name: "p"})
	s := b.add(Probe{Name: "silent", MaxAge: 10 * time.Second})
	b.want(b.at(0), []string{"p"})
	b.end(e, passed)
	b.want(b.at(time.Hour), []string(nil)) // the outcome of the run that was interrupted
	b.want(b.at(time.Hour), []string{"p"}) // one late run
	b.end(e, passed)
	b.want(b.at(time.Hour), []string(nil))
	b.want(s.verdict.fails, 1) // one silence
	b.want(b.first(), b.begun.Add(time.Hour+10*time.Second))

	b.want(b.at(-time.Hour), []string(nil)) // back
	b.want(b.at(time.Hour+10*time.Second), []string{"p"})
	b.now = b.begun
	b.end(e, failed) // before it began
	b.want(b.at(0), []string(nil))
	b.want(e.verdict.fails, 1)
}

// TestSlotIsFreeAtTheTimeout: checks that hang do not keep others from running.
func TestSlotIsFreeAtTheTimeout(t *testing.T) {
	b := newBench(t, 2)
	for i := range 4 {
		b.add(Probe{Name: fmt.Sprint(i), Timeout: time.Second})
	}
	b.want(b.at(0), []string{"0", "1"})
	b.want(b.at(500*time.Millisecond), []string(nil))
	b.want(b.entries["2"].phase, queued)
	b.want(b.at(time.Second), []string{"2", "3"})
	b.want(b.entries["2"].verdict, verdict{}) // to wait is not to fail
	b.want(b.at(2*time.Second), []string(nil))
	b.want(b.at(11*time.Second), []string(nil)) // all hang, and none is started twice
	b.want(b.entries["0"].verdict.fails, 2)
	b.want(b.entries["0"].last.err.Text, "an earlier run of the check has still not ended (began 11s ago)")
	b.end(b.entries["0"], passed)
	b.want(b.at(15*time.Second), []string{"0"}) // at once, as it is late
	b.want(b.entries["0"].verdict.fails, 2)     // what it said then is no news
	b.end(b.entries["0"], passed)
	b.at(15 * time.Second)
	b.want(b.entries["0"].verdict.state, Healthy)
}

// TestTimeoutIsOneFailure: a check that ends right after its time is over is not
// stuck when the next run is due at the same moment.
func TestTimeoutIsOneFailure(t *testing.T) {
	b := newBench(t, 1)
	e := b.add(Probe{Name: "p", Interval: 2 * time.Second, Timeout: 2 * time.Second})
	b.want(b.at(0), []string{"p"})
	b.want(b.at(2*time.Second), []string(nil))
	b.want(e.verdict.fails, 1)
	b.end(e, failed)
	b.want(b.at(2*time.Second+time.Millisecond), []string{"p"})
	b.want(e.verdict.fails, 1)
}

// TestOutcomeAtTheDeadline: it makes no difference what is noticed first.
func TestOutcomeAtTheDeadline(t *testing.T) {
	for _, landedFirst := range []bool{true, false} {
		b := newBench(t, 1)
		e := b.add(Probe{Name: "p", Timeout: time.Second})
		b.at(0)
		b.now = b.begun.Add(time.Second)
		if landedFirst {
			b.end(e, passed)
			b.at(time.Second)
		} else {
			b.at(time.Second)
			b.end(e, passed)
			b.at(time.Second)
		}
		b.want(e.verdict, verdict{fails: 1, row: 1})
		b.want(e.last.err.Text, "the check did not end in time (1s)")
		b.want(b.first(), b.begun.Add(10*time.Second))
	}
}

// TestJitter: is only added, before every run, and saturates.
func TestJitter(t *testing.T) {
	b := newBench(t, 1)
	b.random = func() float64 { return 0.5 }
	e := b.add(Probe{Name: "p", InitialDelay: time.Minute, Jitter: 0.2})
	b.want(e.due.Sub(b.begun), time.Minute+time.Second)
	b.at(61 * time.Second)
	b.end(e, failed)
	b.at(62 * time.Second)
	b.want(e.due.Sub(b.begun), 72*time.Second)
	for interval, want := range map[time.Duration]time.Duration{30 * time.Second: 1500 * time.Millisecond, time.Hour: 2500 * time.Millisecond, 1<<63 - 1: 2500 * time.Millisecond} {
		first := b.add(Probe{Name: "every " + interval.String(), Interval: interval})
		b.want(first.due.Sub(b.now), want)
	}
	if got := saturating(1<<62, 1e30); got != 1<<63-1 {
		t.Errorf("jitter overflows: %v", got)
	}
	for p, want := range map[*Probe]float64{{}: 0.1, {Jitter: -1}: 0, {Jitter: -0.5}: 0, {Jitter: 0.2}: 0.2, {Jitter: 1}: 1} {
		p.Name = "p"
		if c, err := p.complete(); err != nil || c.Jitter != want {
			t.Errorf("jitter %v became %v, %v", p.Jitter, c.Jitter, err)
		}
	}
}

// TestOutbox: what is told, and when it is told again.
func TestOutbox(t *testing.T) {
	b := newBench(t, 1)
	b.outbox.wantResults = false
	e := b.add(Probe{Name: "p", FailureThreshold: 1, Check: func(context.Context) error { return nil }})
	tell := func() string {
		d, ok := b.outbox.next(b.now)
		if !ok {
			return "nothing"
		}
		return fmt.Sprintf("%v>%v", d.change.From, d.change.To)
	}
	result := func(m mark) { b.result(decision{e, outcome{mark: m}, b.now, b.now}) }
	told := func(ok bool) { b.outbox.delivered(delivery{entry: e, change: &Change{To: e.change.To}}, ok, b.now) }

	b.want(tell(), "nothing")
	result(passed)
	b.want(tell(), "unknown>healthy")
	b.want(tell(), "nothing") // it is under way
	result(failed)
	b.want(tell(), "nothing") // one of a probe at a time
	b.outbox.delivered(delivery{entry: e, change: &Change{To: Healthy}}, true, b.now)
	b.want(tell(), "healthy>unhealthy")
	told(false)
	b.want(tell(), "nothing")
	b.now = b.now.Add(time.Second)
	b.want(tell(), "healthy>unhealthy") // offered again
	told(false)
	b.now = b.now.Add(time.Second)
	b.want(tell(), "nothing") // the delay has doubled
	result(passed)
	b.now = b.now.Add(time.Second)
	b.want(tell(), "nothing") // undone before it was delivered
	result(failed)
	result(warned)
	b.want(tell(), "healthy>degraded") // what was between is skipped
	result(passed)                     // undone while it is being told
	b.outbox.delivered(delivery{entry: e, change: &Change{To: Degraded}}, true, b.now)
	b.want(tell(), "degraded>healthy")
	told(true)
	b.want(tell(), "nothing")

	result(failed)
	b.remove(e, true, b.now) // gone, but not forgotten
	b.want(tell(), "healthy>unhealthy")
	told(false)
	e = b.add(Probe{Name: "p"})
	result(passed) // newer than what the one before had to say
	b.want(tell(), "unknown>healthy")
	told(true)
	b.now = b.now.Add(time.Hour)
	b.want(tell(), "nothing")
	b.want(len(b.outbox.orphans), 0)
	result(warned)
	b.remove(e, false, b.now) // forgotten
	b.want(tell(), "nothing")
}

// TestOutboxIsBounded: however long nobody listens and however many come and go.
func TestOutboxIsBounded(t *testing.T) {
	b := newBench(t, 1)
	for i := range 5 * maxOrphans {
		e := b.add(Probe{Name: fmt.Sprint(i)})
		b.result(decision{e, outcome{mark: passed}, b.now, b.now})
		b.remove(e, true, b.now)
	}
	b.want(len(b.outbox.orphans), maxOrphans)
	b.want(b.outbox.lost, 4*maxOrphans)
	if n := b.outbox.changes.len() + b.outbox.results.len(); n > 4*maxOrphans {
		t.Errorf("%d are queued", n)
	}
	d, ok := b.outbox.next(b.now)
	if !ok || d.lost != 4*maxOrphans || d.change.Name != "0" {
		t.Errorf("got %+v", d)
	}
}

// TestHeldComeAndGo: probes that wait for a startup that never passes leave nothing
// behind.
func TestHeldComeAndGo(t *testing.T) {
	b := newBench(t, 1)
	b.add(Probe{Name: "c:boot", Kind: Startup, MaxAge: time.Hour})
	for i := range 100 {
		e := b.add(Probe{Name: "c:p"})
		b.want(b.at(time.Duration(i)), []string(nil))
		b.want(e.phase, held)
		b.remove(e, true, b.now)
	}
	b.want(len(b.components["c"].held), 0)
}

// TestNoMaxAgeAnyMore: a source takes the MaxAge from a probe just as it was found
// silent.
func TestNoMaxAgeAnyMore(t *testing.T) {
	b := newBench(t, 1)
	source := b.add(Probe{Name: "a", List: func(context.Context) ([]Probe, error) { return nil, nil }})
	listed := func(age time.Duration) *listing {
		p, err := Probe{Name: "b", MaxAge: age}.complete()
		if err != nil {
			t.Fatal(err)
		}
		return &listing{probes: []Probe{p}}
	}
	if err := b.sync(source, listed(time.Second), b.now); err != nil {
		t.Fatal(err)
	}
	b.at(0)
	b.landed = append(b.landed, landing{run: source.run, outcome: outcome{listed: listed(0)}, at: b.begun.Add(time.Second)})
	b.at(time.Second)
	b.want(b.entries["b"].verdict.fails, 1)
	b.want(b.entries["b"].phase, idle)
	b.want(b.first(), b.begun.Add(10*time.Second))
}

// TestAbortBeforeTheStart: a run that is not wanted any more when its goroutine
// begins has a context that is done.
func TestAbortBeforeTheStart(t *testing.T) {
	r := &run{deadline: time.Now().Add(time.Hour)}
	r.abort()
	ctx, cancel := r.context(t.Context())
	defer cancel()
	if ctx.Err() == nil {
		t.Error("its context is not done")
	}
}

// TestFIFO gives back what was taken.
func TestFIFO(t *testing.T) {
	var q fifo
	in, out := uint64(0), uint64(0)
	for range 1000 {
		for range 3 {
			q.push(&entry{id: in})
			in++
		}
		for range 3 {
			if e := q.pop(); e.id != out {
				t.Fatalf("got %d, want %d", e.id, out)
			}
			out++
		}
	}
	if q.pop() != nil || cap(q.entries) > 16 {
		t.Errorf("an empty queue has capacity %d", cap(q.entries))
	}
}

// FuzzPlan does to a plan whatever can be done to it and looks after each step
// whether the books are right.
func FuzzPlan(f *testing.F) {
	f.Add([]byte("aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ0123456789"))
	f.Add([]byte(strings.Repeat("\x00\x09\x12\x04\x05\x05\x01\x06\x04\x02\x03\x07", 9)))
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		ops := make([]byte, 400)
		for i := range ops {
			ops[i] = byte(r.Uint32())
		}
		f.Add(ops)
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		c := &chaos{bench: newBench(t, 3)}
		for _, op := range ops {
			c.do(op%11, int(op)/11)
			c.audit()
		}
	})
}

// chaos is what FuzzPlan does.
type chaos struct {
	*bench
	runs    []*run // that have not ended
	watches []*watch
	stopped map[*watch]bool
}

// do does one of eleven things to one of eight probes.
func (c *chaos) do(op byte, n int) {
	name := fmt.Sprintf("c%d:p%d", n%3, n%8)
	e := c.entries[name]
	switch op {
	case 0:
		if e == nil {
			c.add(Probe{Name: name, Kind: Kind(n % 3), Optional: n%2 == 0, SuccessThreshold: n % 3, Timeout: 3 * time.Second})
		}
	case 1:
		if e == nil {
			c.add(Probe{Name: name, Kind: Kind(n % 3), MaxAge: 4 * time.Second})
		}
	case 2:
		if e == nil {
			c.add(Probe{Name: name, List: func(context.Context) ([]Probe, error) { return nil, nil }})
		}
	case 3:
		if e != nil {
			c.remove(e, n%2 == 0, c.now)
		}
	case 4:
		c.now = c.now.Add(time.Duration(n) * time.Second)
		c.step(c.now)
	case 5:
		if len(c.runs) > 0 {
			r := c.runs[n%len(c.runs)]
			c.landed = append(c.landed, landing{run: r, outcome: c.outcome(r, n), at: c.now, dropped: n%7 == 0})
			c.runs = slices.DeleteFunc(c.runs, func(other *run) bool { return other == r })
		}
	case 6:
		_ = c.report(name, outcome{mark: mark(n % 3)}, c.now)
	case 7:
		c.guard(n)
	case 8:
		c.unguard(n)
	case 9:
		c.hurry(c.now, func(e *entry) bool { return n%2 == 0 }, &waiter{done: make(chan struct{})})
		if n%5 == 0 {
			c.halt(c.now)
		}
	case 10:
		if d, ok := c.outbox.next(c.now); ok && d.change != nil {
			c.outbox.delivered(d, n%2 == 0, c.now)
		}
	}
	c.runs = append(c.runs, c.takeEffects().starts...)
}

func (c *chaos) outcome(r *run, n int) outcome {
	o := outcome{mark: mark(n % 3)}
	if r.probe.List == nil {
		return o
	}
	o.listed = &listing{bad: map[string]bool{"l3": true}}
	for i := range n % 5 {
		p, err := Probe{Name: fmt.Sprintf("l%d", i), Instance: fmt.Sprint(n % 2), Check: func(context.Context) error { return nil }}.complete()
		if err != nil {
			c.t.Fatal(err)
		}
		o.listed.probes = append(o.listed.probes, p)
	}
	return o
}

func (c *chaos) guard(n int) {
	if c.stopped == nil {
		c.stopped = map[*watch]bool{}
	}
	w := &watch{}
	w.ending = func() bool { return c.stopped[w] }
	for i := range 1 + n%3 {
		p, err := Probe{Name: fmt.Sprintf("g%d:p%d", n%2, i), Kind: Kind((i + n) % 3), MaxAge: 3 * time.Second}.complete()
		if err != nil {
			c.t.Fatal(err)
		}
		if c.plan.add(p, c.now, nil, w) != nil {
			c.dismiss(w, c.now)
			return
		}
	}
	c.watches = append(c.watches, w)
}

func (c *chaos) unguard(n int) {
	if len(c.watches) == 0 {
		return
	}
	i := n % len(c.watches)
	w := c.watches[i]
	switch n % 3 {
	case 0:
		c.beat(w, c.now)
	case 1:
		c.stopped[w] = true
	case 2:
		c.dismiss(w, c.now)
		c.watches = slices.Delete(c.watches, i, i+1)
	}
}

// audit recounts.
func (c *chaos) audit() {
	c.t.Helper()
	runs := map[string]int{}
	for _, r := range c.runs {
		runs[r.probe.Name]++
	}
	for name, n := range runs {
		if n > 1 {
			c.t.Fatalf("%d runs of %s at once", n, name)
		}
	}
	var recount tally
	members := map[string]int{}
	places := map[phase]int{}
	for name, e := range c.entries {
		recount.count(e, 1)
		members[e.Probe.component()]++
		places[e.phase]++
		if e.gone || e.Name != name {
			c.t.Fatalf("%s is gone, or %s", name, e.Name)
		}
		if e.pending() && !e.changeQueued && !slices.Contains(c.outbox.again, e) {
			c.t.Fatalf("nobody will be told that %s is %v", name, e.change.To)
		}
	}
	if recount != c.tally {
		c.t.Fatalf("the tally is %v, want %v", c.tally, recount)
	}
	if free := 3 - places[running]; free != c.slots {
		c.t.Fatalf("%d slots are free, want %d", c.slots, free)
	}
	slow := max(1, 3/2) - c.slowSlots
	for _, e := range c.deadlines {
		if e.run.slow {
			slow--
		}
	}
	if slow != 0 || c.slowSlots < 0 {
		c.t.Fatalf("%d slots are free for the slow, which is wrong by %d", c.slowSlots, slow)
	}
	if places[waiting] != len(c.due) || places[running] != len(c.deadlines) {
		c.t.Fatalf("%v, but %d and %d are scheduled", places, len(c.due), len(c.deadlines))
	}
	c.auditSchedule(c.due)
	c.auditSchedule(c.deadlines)
	for name, component := range c.components {
		if component.members != members[name] || component.startups < 0 || component.startups > component.members {
			c.t.Fatalf("component %s is %+v, but has %d members", name, component, members[name])
		}
		for _, e := range component.held {
			if e.phase != held || c.entries[e.Name] != e {
				c.t.Fatalf("%s is held by its component, but in phase %d", e.Name, e.phase)
			}
		}
	}
}

func (c *chaos) auditSchedule(s schedule) {
	for i, e := range s {
		if e.place != i || s.less(i, (max(i, 1)-1)/2) {
			c.t.Fatalf("%s is out of place at %d", e.Name, i)
		}
	}
}

// One that waits for the end of a run before it, and for a Startup probe that has come
// meanwhile, is let go by the last of them.
func TestHeldByTwo(t *testing.T) {
	b := newBench(t, 2)
	old := b.add(Probe{Name: "c:p", Interval: time.Minute})
	b.want(b.at(0), []string{"c:p"})
	b.remove(old, false, b.now)
	again := b.add(Probe{Name: "c:p", Interval: time.Minute})
	b.want(b.at(time.Second), []string(nil))
	boot := b.add(Probe{Name: "c:boot", Kind: Startup, Interval: time.Minute})
	b.want(b.at(2*time.Second), []string{"c:boot"})
	b.end(old, passed)
	b.want(b.at(3*time.Second), []string(nil))
	b.end(boot, passed)
	b.at(4 * time.Second)
	if b.at(5 * time.Second); again.phase != running {
		t.Errorf("it is in phase %v", again.phase)
	}
}
