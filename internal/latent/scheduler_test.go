package latent

import (
	"context"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/tend-go/tend/internal/goroutines"
)

// task is a Task that is done when f says so.
type task struct{ f func() (more bool) }

func (t *task) Turn(uint64) bool { return t.f() }

// begin puts so many tasks on the list that do f, and waits until all have had their turns.
func begin(s *Scheduler, n int, f func(i int)) {
	var all sync.WaitGroup
	all.Add(n)
	for i := range n {
		s.Ready(&task{func() bool { defer all.Done(); f(i); return false }})
	}
	all.Wait()
}

// TestTurnsInOrder: on one processor tasks have their turns as they became ready, and who
// has more to do goes to the end.
func TestTurnsInOrder(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var s Scheduler
	var order []int
	var all sync.WaitGroup
	s.probing = true // as if it were: nobody else is hired, however long a turn takes
	s.mu.Lock()      // so that all are ready before the first turn
	for i := range 100 {
		turns := 0
		all.Add(1)
		s.put(&task{func() bool {
			order = append(order, i)
			if turns++; turns == 2 {
				all.Done()
			}
			return turns < 2
		}})
	}
	s.cover()
	s.mu.Unlock()
	all.Wait()
	for i, got := range order {
		if got != i%100 {
			t.Fatalf("turn %d is that of %d", i, got)
		}
	}
}

// TestNobodyIsThereWhenNobodyIsReady: no goroutine is left, and nothing is held.
func TestNobodyIsThereWhenNobodyIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Scheduler
		begin(&s, 10_000, func(int) {})
		synctest.Wait() // the bubble would not end with one that is there
		if s.workers != 0 || s.looking != 0 || s.probing || max(len(s.in.ring), len(s.out.ring)) > kept {
			t.Errorf("%d workers, %d of them look, the probe is there: %v, a ring of %d", s.workers, s.looking, s.probing, max(len(s.in.ring), len(s.out.ring)))
		}
	})
}

// TestHandlersThatBlockStarveNobody: there are more of them than processors, and the one
// that frees all comes after them.
func TestHandlersThatBlockStarveNobody(t *testing.T) {
	for _, procs := range []int{1, 2, 4} {
		synctest.Test(t, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			var s Scheduler
			free := make(chan struct{})
			begin(&s, 101, func(i int) {
				if i == 100 {
					close(free)
				}
				<-free
			})
			synctest.Wait()
			if s.workers != 0 || s.probing {
				t.Errorf("%d workers are left", s.workers)
			}
		})
	}
}

// TestWhoHasMoreToDoIsNotStarvedEither: a task that blocks in a later turn, while another
// waits.
func TestWhoHasMoreToDoIsNotStarvedEither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		var s Scheduler
		free := make(chan struct{})
		var all sync.WaitGroup
		for i := range 50 {
			all.Add(1)
			turns := 0
			s.Ready(&task{func() bool {
				if turns++; turns < 3 {
					return true
				}
				defer all.Done()
				if i == 49 {
					close(free)
				}
				<-free
				return false
			}})
		}
		all.Wait()
	})
}

// TestGoexitCostsTheWorkerAlone: others have their turns.
func TestGoexitCostsTheWorkerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Scheduler
		var exits atomic.Int64
		begin(&s, 1000, func(i int) {
			if i%10 == 0 {
				exits.Add(1)
				runtime.Goexit()
			}
		})
		synctest.Wait()
		if exits.Load() != 100 || s.workers != 0 {
			t.Errorf("%d exits, %d workers are left", exits.Load(), s.workers)
		}
	})
}

// TestNoMoreWorkersThanProcessors while none is blocked for long.
func TestNoMoreWorkersThanProcessors(t *testing.T) {
	var s Scheduler
	s.most = 2
	s.workers = 2
	s.in.push(nil)
	s.probing = true
	if s.cover(); s.workers != 2 {
		t.Error("one was hired")
	}
	s.workers = 3
	s.tooMany.Store(true)
	if s.done(nil, false, true) || s.workers != 2 {
		t.Error("one too many does not leave, though others make progress")
	}
	if !s.done(nil, false, true) {
		t.Error("one of those that are to be there leaves")
	}
	s.workers = 3
	s.tooMany.Store(true)
	if !s.done(nil, false, false) {
		t.Error("one too many leaves, though all others are blocked")
	}
}

// TestWorkersAreLabelled, whatever labels a handler has left.
func TestWorkersAreLabelled(t *testing.T) {
	hired := uint64(0)
	s := Scheduler{Name: func() (uint64, context.Context) {
		hired++
		return hired, pprof.WithLabels(t.Context(), pprof.Labels(goroutines.Label, goroutines.LabelOf("shop", "worker", hired)))
	}}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var all sync.WaitGroup
	for turn := range 3 {
		all.Add(1)
		s.Ready(labelled(func(worker uint64) {
			defer all.Done()
			want := goroutines.LabelOf("shop", "worker", worker)
			found, err := goroutines.Find(goroutines.Label, func(label string) bool { return label == want })
			if text := found[want]; err != nil || !strings.Contains(text, FrameOfWorker) {
				t.Errorf("turn %d of worker %d is on %v, %v", turn, worker, found, err)
			}
			pprof.SetGoroutineLabels(t.Context())
		}))
	}
	all.Wait()
}

// labelled is a Task that is done when it had a turn.
type labelled func(worker uint64)

func (l labelled) Turn(worker uint64) bool { l(worker); return false }

// TestKeep: those that were idle first let go when there are many.
func TestKeep(t *testing.T) {
	var s Scheduler
	var shrunk []int
	for i := range keepers + 3 {
		s.Keep(keeper(func() { shrunk = append(shrunk, i) }))
	}
	if !slices.Equal(shrunk, []int{0, 1, 2}) {
		t.Errorf("%v let go", shrunk)
	}
}

type keeper func()

func (k keeper) Shrink() { k() }

// TestRing: what goes in comes out, in order, as the ring grows and turns.
func TestRing(t *testing.T) {
	var q queue
	in, out := 0, 0
	tasks := make([]*task, 5000)
	for i := range tasks {
		tasks[i] = &task{}
	}
	for in < len(tasks) {
		for range 1 + in%7 {
			if in < len(tasks) {
				q.push(tasks[in])
				in++
			}
		}
		for range in % 5 {
			if got := q.pop(); got != nil {
				if got != Task(tasks[out]) {
					t.Fatalf("%d is not what comes out", out)
				}
				out++
			}
		}
	}
	for got := q.pop(); got != nil; got = q.pop() {
		if got != Task(tasks[out]) {
			t.Fatalf("%d is not what comes out", out)
		}
		out++
	}
	if out != in || len(q.ring) > kept {
		t.Errorf("%d of %d came out, a ring of %d is kept", out, in, len(q.ring))
	}
}

// BenchmarkReady is a turn of a task that does nothing.
func BenchmarkReady(b *testing.B) {
	var s Scheduler
	for _, n := range []int{1, 1000} {
		b.Run("", func(b *testing.B) {
			for range b.N/n + 1 {
				begin(&s, n, func(int) {})
			}
		})
	}
}

// TestWhoFindsSomethingLeavesTheRestToOthers: a worker that was looking came for one who is
// ready, and no more do when it has found another.
func TestWhoFindsSomethingLeavesTheRestToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Scheduler{most: 1, workers: 1, looking: 1}
		s.in.push(&task{func() bool { return false }})
		s.came.Store(1)
		if s.seek(-1); !s.probing {
			t.Error("nobody comes for who is ready")
		}
		s.take()
	})
}

// TestPartsOfTheList: what has come follows what is left, and a few are not moved.
func TestPartsOfTheList(t *testing.T) {
	tasks := make([]*task, 2*few)
	var s Scheduler
	for i := range tasks {
		tasks[i] = &task{}
		if i < few+1 {
			s.in.push(tasks[i])
		}
	}
	s.came.Store(few + 1)
	if got := s.take(); got != tasks[0] || s.out.length != few || s.in.length != 0 {
		t.Errorf("%d are left and %d have come", s.out.length, s.in.length)
	}
	for i := few + 1; i < len(tasks); i++ {
		s.put(tasks[i])
	}
	if s.takeIn() != nil {
		t.Error("who has come is taken before who is left")
	}
	for i := 1; i < len(tasks); i++ {
		if got := s.take(); got != tasks[i] {
			t.Fatalf("turn %d is that of another", i)
		}
		if i > few && s.out.length > 0 {
			t.Error("a few are moved")
		}
	}
	if s.take() != nil || s.IsCrowded() {
		t.Error("somebody is left")
	}
}

// TestTooManyWorkers are noticed when they come and when they go.
func TestTooManyWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Scheduler{most: 1}
		for i, want := range []bool{false, true} {
			s.mu.Lock()
			s.hire()
			s.mu.Unlock()
			if s.tooMany.Load() != want {
				t.Errorf("%d workers are too many: %v", i+1, !want)
			}
		}
		synctest.Wait() // they find nothing, and end
		if s.workers != 0 || s.tooMany.Load() {
			t.Errorf("%d workers are left, too many: %v", s.workers, s.tooMany.Load())
		}
	})
}
