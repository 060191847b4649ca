package strand

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// bench is a strand whose work takes a second, and notes when each call began.
type bench struct {
	Strand
	start time.Time
	calls []time.Duration
	exits map[int]bool // calls, from 0, that call Goexit
}

func newBench() *bench { return &bench{start: time.Now()} }

func (b *bench) wake() { b.Wake(b.work) }

func (b *bench) work() {
	n := len(b.calls)
	b.calls = append(b.calls, time.Since(b.start))
	time.Sleep(time.Second)
	if b.exits[n] {
		runtime.Goexit()
	}
}

// idleAfter waits for Idle and says how long that took.
func (b *bench) idleAfter() time.Duration {
	began := time.Now()
	<-b.Idle()
	return time.Since(began)
}

func seconds(list ...float64) (d []time.Duration) {
	for _, s := range list {
		d = append(d, time.Duration(s*float64(time.Second)))
	}
	return d
}

func TestCalls(t *testing.T) {
	for _, c := range []struct {
		name  string
		wakes []time.Duration
		exits []int
		calls []time.Duration
	}{
		{"one", seconds(0), nil, seconds(0)},
		{"one after the other", seconds(0, 5), nil, seconds(0, 5)},
		{"during a call: one more after it", seconds(0, 0.5), nil, seconds(0, 1)},
		{"often during a call: one more", seconds(0, 0.1, 0.2, 0.9), nil, seconds(0, 1)},
		{"in each call", seconds(0, 0.5, 1.5, 2.5), nil, seconds(0, 1, 2, 3)},
		{"in one of two calls", seconds(0, 0.5, 1.5, 4), nil, seconds(0, 1, 2, 4)},
		{"an exit makes one more call", seconds(0), []int{0}, seconds(0, 1)},
		{"an exit and a wake make one more call", seconds(0, 0.5), []int{0}, seconds(0, 1)},
		{"exits", seconds(0, 0.5), []int{0, 1, 2}, seconds(0, 1, 2, 3)},
		{"an exit, and life goes on", seconds(0, 5, 5.5), []int{0}, seconds(0, 1, 5, 6)},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				b.exits = map[int]bool{}
				for _, n := range c.exits {
					b.exits[n] = true
				}
				for _, at := range c.wakes {
					time.Sleep(at - time.Since(b.start))
					b.wake()
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if d := cmp.Diff(c.calls, b.calls); d != "" {
					t.Errorf("-want +got\n%s", d)
				}
			})
		})
	}
}

// A strand that has nothing to do has no goroutine: one that waited would be a deadlock at
// the bubble's end.
func TestNoGoroutineWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		if got := b.idleAfter(); got != 0 {
			t.Errorf("never woken, and idle after %v", got)
		}
		b.wake()
		b.wake()
		<-b.Idle()
	})
}

// Idle is about what was woken before it: not less, and not more.
func TestIdle(t *testing.T) {
	for _, c := range []struct {
		name  string
		wakes []time.Duration // then, at 2.5 s, Idle is called and one more wake made
		exits []int
		want  time.Duration // from there
	}{
		{"never woken", nil, nil, 0},
		{"all is done", seconds(1), nil, 0},
		{"in a call", seconds(2), nil, time.Second / 2},
		{"in a call, woken again", seconds(2, 2.2), nil, 3 * time.Second / 2},
		{"in a call, woken before it", seconds(1.5, 2), nil, time.Second},
		{"in the second call", seconds(1, 1.5), nil, time.Second / 2},
		{"just woken", seconds(2.5), nil, time.Second},
		{"in a call that exits", seconds(2), []int{0}, 3 * time.Second / 2},
		{"in a call that exits, woken again", seconds(2, 2.2), []int{0}, 3 * time.Second / 2},
		{"in a call that exits, and the next does", seconds(2), []int{0, 1}, 5 * time.Second / 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				b.exits = map[int]bool{}
				for _, n := range c.exits {
					b.exits[n] = true
				}
				for _, at := range c.wakes {
					time.Sleep(at - time.Since(b.start))
					b.wake()
				}
				time.Sleep(2500*time.Millisecond - time.Since(b.start))
				now := time.Now()
				idle := b.Idle()
				if c.want == 0 {
					select {
					case <-idle:
					default:
						t.Error("is not closed already")
					}
				}
				b.wake()
				<-idle
				if got := time.Since(now); got != c.want {
					t.Errorf("after %v, want %v", got, c.want)
				}
				<-b.Idle()
			})
		})
	}
}

// All who wait are told, those of one call and those of the next.
func TestManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.exits = map[int]bool{0: true}
		var mu sync.Mutex
		var got []time.Duration
		await := func() {
			idle := b.Idle()
			go func() {
				<-idle
				mu.Lock()
				defer mu.Unlock()
				got = append(got, time.Since(b.start))
			}()
		}
		b.wake()
		synctest.Wait()
		await() // for the first call, which exits; so for the second
		await()
		time.Sleep(1500 * time.Millisecond)
		await() // for the second
		b.wake()
		await() // for the third
		await()
		time.Sleep(time.Minute)
		synctest.Wait()
		if d := cmp.Diff(seconds(2, 2, 2, 3, 3), got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

// Work that wakes its own strand is called once more each time.
func TestWakeFromWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Strand
		n := 0
		var work func()
		work = func() {
			if n++; n < 10 {
				s.Wake(work)
			}
		}
		s.Wake(work)
		synctest.Wait()
		if n != 10 {
			t.Errorf("%d calls", n)
		}
	})
}

// queue is what strands are for: many put, and one at a time takes.
type queue struct {
	strand Strand
	work   func()
	exit   bool // now and then

	mu    sync.Mutex
	items []int

	calls, taken int // of work, without a lock: one call at a time
}

func newQueue(exit bool) *queue {
	q := &queue{exit: exit}
	q.work = q.take
	return q
}

func (q *queue) put(n int) {
	q.mu.Lock()
	q.items = append(q.items, n)
	q.mu.Unlock()
	q.strand.Wake(q.work)
}

func (q *queue) take() {
	q.mu.Lock()
	items := q.items
	q.items = nil
	q.mu.Unlock()
	q.calls++
	q.taken += len(items)
	if q.exit && q.calls%7 == 0 {
		runtime.Goexit()
	}
}

// No wake is lost, calls do not overlap, and each sees what was done before its
// wake; with the race detector this proves it for the fields that no lock guards.
func TestStress(t *testing.T) {
	for _, exit := range []bool{false, true} {
		q := newQueue(exit)
		const producers, each = 8, 5000
		var done sync.WaitGroup
		for range producers {
			done.Go(func() {
				for i := range each {
					q.put(i)
					switch {
					case i%100 == 0:
						<-q.strand.Idle() // lets it become idle: starts and ends race with wakes
					case i%10 == 0:
						runtime.Gosched()
					}
				}
			})
		}
		done.Wait()
		<-q.strand.Idle()
		if q.taken != producers*each { // Idle happens after the call
			t.Errorf("exit %v: %d taken of %d", exit, q.taken, producers*each)
		}
	}
}

// What was written before a Wake is seen by the call, though one call stands for many
// wakes. Nothing but the strand orders the two here, sleeping does not, so it is the
// race detector that finds a mistake.
func TestWakeHappensBeforeCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Strand
		var written, seen [8]int
		calls := 0
		work := func() {
			if calls++; calls == 2 { // the first is under way when they write
				seen = written
			}
			time.Sleep(time.Second)
		}
		s.Wake(work)
		for i := range written {
			go func() {
				time.Sleep(time.Second / 2)
				written[i] = i
				s.Wake(work)
			}()
		}
		time.Sleep(time.Minute)
		<-s.Idle()
		if want := [8]int{0, 1, 2, 3, 4, 5, 6, 7}; seen != want || calls != 2 {
			t.Errorf("seen %v in %d calls", seen, calls)
		}
	})
}

func TestWakeDoesNotAllocate(t *testing.T) {
	var s Strand
	let, in := make(chan struct{}), make(chan struct{})
	work := func() { in <- struct{}{}; <-let }
	s.Wake(work)
	<-in
	if n := testing.AllocsPerRun(1000, func() { s.Wake(work) }); n != 0 {
		t.Errorf("%v allocations while it runs", n)
	}
	let <- struct{}{}
	<-in
	let <- struct{}{}
	<-s.Idle()
}

func BenchmarkWakeRunning(b *testing.B) {
	var s Strand
	let := make(chan struct{})
	s.Wake(func() { <-let })
	for b.Loop() {
		s.Wake(nil)
	}
	close(let)
}
