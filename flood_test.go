package tend

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestTheStopIsLive: a tree of 20,000 services stops although many goroutines ask
// whatever can be asked, as fast as they can, before, while and after it stops. No
// clock is asked: a stop that waits for quiet never ends, and the test with it.
func TestTheStopIsLive(t *testing.T) {
	services, askers := 20_000, 16*runtime.NumCPU()
	if testing.Short() {
		services = 2_000
	}
	s := New("root", Spec{EventHook: func(Event) {}, Timeout: time.Hour})
	sub := New("sub", Spec{Timeout: time.Hour})
	s.Add(sub)
	tokens := make([]ServiceToken, services)
	for i := range tokens {
		tokens[i] = s.Add(idleForever{})
	}
	noisy := Child{ReadyTimeout: time.Hour, Service: Func("noisy", func(ctx context.Context) error {
		for ctx.Err() == nil {
			Ready(ctx)
			Alive(ctx)
			Self(ctx)
		}
		return nil
	})}
	sub.Add(noisy)
	ctx, cancel := context.WithCancel(t.Context())
	done := s.ServeBackground(ctx)
	if err := s.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	var over atomic.Bool
	var asking sync.WaitGroup
	var rounds atomic.Uint64
	for i := range askers {
		asking.Go(func() {
			for n := i; !over.Load(); n += 7 {
				if i%2 == 0 { // wishes that nobody waits for: the queue is never empty
					_ = s.Restart(tokens[n%services], nil)
				} else {
					s.ask(tokens[n%services], n)
				}
				rounds.Add(1)
			}
		})
	}
	for rounds.Load() < uint64(10*askers) { // all are at it
		runtime.Gosched()
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Serve returned %v", err)
	}
	over.Store(true)
	asking.Wait()
	if n := cap(s.inbox.queue) + cap(s.inbox.spare); n > 4*crowded {
		t.Errorf("the queue has grown to %d messages", n)
	}
}

// ask asks for one of all things.
func (s *Supervisor) ask(tok ServiceToken, n int) {
	switch n % 8 {
	case 0:
		_ = s.Status()
	case 1:
		_ = s.Services()
	case 2, 3:
		_ = s.Restart(tok, nil)
	case 4:
		_ = s.Suspend(tok)
	case 5:
		_ = s.Restart(tok, errors.New("because"))
	case 6:
		s.Resume(time.Second)
	case 7:
		_ = s.Remove(s.Add(idleForever{}))
	}
}

type idleForever struct{}

func (idleForever) Serve(ctx context.Context) error { <-ctx.Done(); return nil }
func (idleForever) String() string                  { return "idle" }

// TestWishesWaitWhenTheQueueIsCrowded, and facts do not.
func TestWishesWaitWhenTheQueueIsCrowded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("root", Spec{EventHook: func(Event) {}})
		tok := s.Add(idleForever{})
		if !s.inbox.open() { // a reader that does not read
			t.Fatal("there is a reader")
		}
		wished := 0
		go func() {
			for range crowded + 10 {
				_ = s.Restart(tok, nil)
				wished++
			}
		}()
		synctest.Wait()
		if wished != crowded || len(s.inbox.queue) != crowded {
			t.Errorf("%d wishes were taken, %d wait, want %d", wished, len(s.inbox.queue), crowded)
		}
		for range 10 {
			s.post(fired{})
		}
		if n := len(s.inbox.queue); n != crowded+10 {
			t.Errorf("%d messages wait", n)
		}
		s.inbox.take()
		synctest.Wait()
		if wished != crowded+10 {
			t.Errorf("%d wishes were taken in all", wished)
		}
		s.inbox.close(func([]message) {})
	})
}

// TestWhatIsAskedAtTheEndIsAnswered: messages that come while the loop ends are
// handled by a supervisor that is not served.
func TestWhatIsAskedAtTheEndIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("root", Spec{EventHook: func(Event) {}})
		s.inbox.open()
		s.plan.handle(0, start{term: 1})
		s.plan.handle(0, shutdown{cause: known(ErrStopped), by: never})
		started := make(chan error)
		go func() {
			_, err := s.Start(t.Context(), idleForever{})
			started <- err
		}()
		asked := make(chan []Service)
		go func() { asked <- s.Services() }()
		synctest.Wait()
		if err := s.finish(); err != nil {
			t.Error(err)
		}
		if list := <-asked; len(list) > 1 {
			t.Errorf("services %v", list)
		}
		done := s.ServeBackground(t.Context())
		if err := <-started; err != nil {
			t.Error(err)
		}
		s.Stop()
		<-done
	})
}

// TestReadyIsHeardOnce: a service may say so in every round of its loop.
func TestReadyIsHeardOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("root", Spec{EventHook: func(Event) {}})
		s.Add(Child{ReadyTimeout: time.Hour, Service: Func("a", func(ctx context.Context) error {
			for range 100 {
				Ready(ctx)
			}
			<-ctx.Done()
			Ready(ctx)
			return nil
		})})
		s.inbox.open() // the test is the loop
		s.term.Load().base = t.Context()
		s.handle(start{term: 1})
		synctest.Wait()
		if n := len(s.inbox.queue); n != 1 {
			t.Errorf("%d messages wait", n)
		}
		for _, m := range s.inbox.take() {
			s.handle(m)
		}
		if state := s.plan.first.state; state != StateRunning {
			t.Errorf("it is %v", state)
		}
		s.handle(shutdown{cause: known(ErrStopped), by: never})
		synctest.Wait()
		if n := len(s.inbox.queue); n != 1 {
			t.Errorf("%d messages wait at the end", n)
		}
		_ = s.finish()
	})
}

// TestStatusIsShared: those who ask while a question waits get one answer, each a
// copy of its own, and nobody gets an old one.
func TestStatusIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("root", Spec{EventHook: func(Event) {}})
		for i := range 3 {
			s.Add(Child{Service: idleForever{}, Name: fmt.Sprint("s", i)})
		}
		s.plan.first.remember(Failure{Incarnation: 1})
		s.inbox.open() // nobody reads
		answers := make(chan Status, 100)
		for range 100 {
			go func() { answers <- s.Status() }()
		}
		synctest.Wait()
		if n := len(s.inbox.queue); n != 1 {
			t.Errorf("%d questions wait", n)
		}
		s.inbox.close(func(rest []message) {
			for _, m := range rest {
				s.handle(m)
			}
		})
		first := <-answers
		first.Services[0].Name = "changed"
		first.Services[0].Failures[0].Incarnation = 2
		for range 99 {
			if other := <-answers; other.Services[0].Name != "s0" || other.Services[0].Failures[0].Incarnation != 1 || len(other.Services) != 3 {
				t.Errorf("%+v", other.Services)
			}
		}
		s.Add(idleForever{})
		if n := len(s.Status().Services); n != 4 {
			t.Errorf("an old answer: %d services", n)
		}
	})
}

// TestStatusIsSharedByThoseAtOnePath: a supervisor that is asked for at two, as when it
// moves meanwhile, answers each, and the first answer keeps nobody from sharing the other.
func TestStatusIsSharedByThoseAtOnePath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("s", Spec{EventHook: func(Event) {}})
		s.Add(idleForever{})
		s.inbox.open() // nobody reads
		answers := make(chan *snapshot, 3)
		ask := func(path string) {
			go func() { answers <- s.snapshots.at(s, path) }()
			synctest.Wait()
		}
		ask("above/s")
		ask("s")
		questions := s.inbox.take()
		if len(questions) != 2 {
			t.Fatalf("%d questions wait", len(questions))
		}
		s.handle(questions[0])
		ask("s")
		if n := len(s.inbox.queue); n != 0 {
			t.Errorf("%d questions more", n)
		}
		if first := <-answers; first.status.Path != "above/s" || first.status.Services[0].Path != "above/s/idle" {
			t.Errorf("the first is told %s, and %s", first.status.Path, first.status.Services[0].Path)
		}
		s.handle(questions[1])
		s.inbox.close(func(rest []message) {
			for _, m := range rest {
				s.handle(m)
			}
		})
		if a, b := <-answers, <-answers; a != b || a.status.Path != "s" {
			t.Errorf("the others are told %s and %s", a.status.Path, b.status.Path)
		}
	})
}
