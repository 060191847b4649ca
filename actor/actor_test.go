package actor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/internal/stopped"
	"github.com/tend-go/tend/tendtest"
)

// bubble runs f in a bubble of testing/synctest.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// serve serves a tree with these services until the test ends.
func serve(t *testing.T, spec tend.Spec, services ...tend.Service) (*tend.Supervisor, *tendtest.Tape) {
	t.Helper()
	tape := tendtest.NewTape(t)
	spec.EventHook = tape.Hook
	s := tend.New("root", spec)
	for _, svc := range services {
		s.Add(svc)
	}
	s.ServeBackground(t.Context())
	t.Cleanup(s.Stop)
	return s, tape
}

// record is what a recorder has handled, and lost.
type record struct {
	mu      sync.Mutex
	handled []int
	lost    []int
	whys    []error
	runs    int
	stops   []error
}

func (r *record) lose(m int, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost, r.whys = append(r.lost, m), append(r.whys, why)
}

// recorder is a state that keeps what it gets. Negative messages are misdeeds.
type recorder struct {
	*record
	do func(ctx context.Context, m int) error
}

func (h *recorder) Handle(ctx context.Context, m int) error {
	if h.do != nil {
		if err := h.do(ctx, m); err != nil {
			return err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handled = append(h.handled, m)
	return nil
}

// newRecorder makes an actor whose handler does something with each message and then
// notes it.
func newRecorder(spec actor.Spec[int], do func(ctx context.Context, m int) error) (*actor.Actor[int], *record) {
	r := &record{}
	spec.New = func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.runs++
		return &recorder{r, do}, nil
	}
	spec.Lost = r.lose
	return actor.New("a", &spec), r
}

// count is how many runs there have been.
func (r *record) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs
}

func (r *record) expect(t *testing.T, handled, lost []int) {
	t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := cmp.Diff(handled, r.handled); d != "" {
		t.Errorf("handled: %s", d)
	}
	if d := cmp.Diff(lost, r.lost); d != "" {
		t.Errorf("lost: %s", d)
	}
}

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// send puts messages into the mailbox, which has room.
func send(t *testing.T, a *actor.Actor[int], list ...int) {
	t.Helper()
	for _, m := range list {
		if err := a.TrySend(m); err != nil {
			t.Fatalf("message %d: %v", m, err)
		}
	}
}

// TestMessagesAreHandledInOrder, those that came before the first launch too.
func TestMessagesAreHandledInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, r := newRecorder(actor.Spec[int]{Mailbox: 1000}, nil)
		send(t, a, 0, 1, 2)
		s, _ := serve(t, tend.Spec{}, a)
		for i := 3; i < 1000; i++ {
			if err := a.Send(t.Context(), i); err != nil {
				t.Fatal(err)
			}
		}
		r.expect(t, upTo(1000), nil)
		if n := s.Status().Services[0]; n.State != tend.StateRunning || r.runs != 1 {
			t.Errorf("it is %v after %d runs", n.State, r.runs)
		}
	})
}

// TestAMessageThatArrivesAsTheActorGoesIdle is handled (trap 1).
func TestTrap01AMessageThatArrivesAsTheActorGoesIdle(t *testing.T) {
	a, r := newRecorder(actor.Spec[int]{}, nil)
	s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	s.Add(a)
	s.ServeBackground(t.Context())
	for i := range 20_000 {
		if err := a.Send(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		for range i % 7 {
			runtime.Gosched()
		}
	}
	for n := 0; n < 20_000; runtime.Gosched() {
		r.mu.Lock()
		n = len(r.handled)
		r.mu.Unlock()
	}
	s.Stop()
}

var errBoom = errors.New("boom")

// TestTrap02MessagesBehindAFailure wait, in order, for the next run; the one that the run
// failed on is lost (traps 2 and 3: in the first message, too).
func TestTrap02And03MessagesBehindAFailure(t *testing.T) {
	for what, misdeed := range map[string]func(){
		"error":  nil,
		"panic":  func() { panic("boom") },
		"goexit": runtime.Goexit,
	} {
		bubble(t, func(t *testing.T) {
			var runs []int
			var a *actor.Actor[int]
			var r *record
			a, r = newRecorder(actor.Spec[int]{Child: tend.Child{Backoff: tend.Backoff{Min: time.Second}}}, func(_ context.Context, m int) error {
				runs = append(runs, r.runs)
				switch {
				case m != 0 && m != 3:
					return nil
				case misdeed == nil:
					return errBoom
				}
				misdeed()
				return nil
			})
			serve(t, tend.Spec{}, a)
			send(t, a, 0, 1, 2, 3, 4, 5)
			r.expect(t, nil, []int{0})
			time.Sleep(time.Second)
			r.expect(t, []int{1, 2}, []int{0, 3})
			time.Sleep(time.Hour)
			r.expect(t, []int{1, 2, 4, 5}, []int{0, 3})
			if d := cmp.Diff([]int{1, 2, 2, 2, 3, 3}, runs); d != "" {
				t.Errorf("%s: messages and runs: %s", what, d)
			}
		})
	}
}

// TestTrap04GoexitCostsNobodyElse the worker, or the mailbox for good.
func TestTrap04GoexitCostsNobodyElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var actors []*actor.Actor[int]
		var records []*record
		s, _ := serve(t, tend.Spec{FailureThreshold: 1e9})
		for range 20 {
			a, r := newRecorder(actor.Spec[int]{}, func(_ context.Context, m int) error {
				if m%2 == 0 {
					runtime.Goexit()
				}
				return nil
			})
			actors, records = append(actors, a), append(records, r)
			s.Add(a)
		}
		for m := range 10 {
			for _, a := range actors {
				send(t, a, m)
			}
		}
		for _, r := range records {
			r.expect(t, []int{1, 3, 5, 7, 9}, []int{0, 2, 4, 6, 8})
		}
	})
}

// TestTrap05HandlersThatBlock starve nobody.
func TestTrap05HandlersThatBlock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		free := make(chan struct{})
		s, _ := serve(t, tend.Spec{})
		for range 100 {
			a, _ := newRecorder(actor.Spec[int]{}, func(context.Context, int) error { <-free; return nil })
			s.Add(a)
			send(t, a, 1)
		}
		a, r := newRecorder(actor.Spec[int]{}, nil)
		s.Add(a)
		send(t, a, 1)
		r.expect(t, []int{1}, nil)
		close(free)
	})
}

// TestAFullMailbox: TrySend says so, Send waits its turn, first come first served, and is
// not taken if its context ends (traps 17, 18, 33).
func TestTrap17And33AFullMailbox(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan struct{})
		a, r := newRecorder(actor.Spec[int]{Mailbox: 2}, func(context.Context, int) error { <-step; return nil })
		serve(t, tend.Spec{}, a)
		send(t, a, 0)
		synctest.Wait() // it is in hand
		send(t, a, 1, 2)
		if err := a.TrySend(99); !errors.Is(err, actor.ErrFull) {
			t.Errorf("no room: %v", err)
		}
		var all sync.WaitGroup
		for m := 3; m < 6; m++ {
			all.Go(func() {
				if err := a.Send(t.Context(), m); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // one after the other
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errBoom)
		defer cancel()
		if err := a.Send(ctx, 98); !errors.Is(err, errBoom) {
			t.Errorf("given up: %v", err)
		}
		step <- struct{}{}
		synctest.Wait()
		if err := a.TrySend(97); !errors.Is(err, actor.ErrFull) {
			t.Errorf("others wait: %v", err)
		}
		close(step)
		all.Wait()
		r.expect(t, upTo(6), nil)
		if err := a.Send(ctx, 6); err != nil { // it has ended, and there is room (trap 32)
			t.Error(err)
		}
		r.expect(t, upTo(7), nil)
	})
}

// TestDropOldest makes room with the oldest, and nobody waits.
func TestDropOldest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan struct{})
		a, r := newRecorder(actor.Spec[int]{Mailbox: 3, DropOldest: true}, func(context.Context, int) error { <-step; return nil })
		_, tape := serve(t, tend.Spec{}, a)
		send(t, a, 0)
		synctest.Wait()
		send(t, a, upTo(10)[1:]...)
		r.expect(t, nil, []int{1, 2, 3, 4, 5, 6})
		for _, why := range r.whys {
			if !errors.Is(why, actor.ErrFull) {
				t.Errorf("it was lost because of %v", why)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		var n uint64
		for _, e := range tape.Events() {
			if lost, is := e.(tend.MessagesLost); is {
				n += lost.N
				if lost.Message != "int" || !errors.Is(lost.Cause.Err, actor.ErrFull) {
					t.Errorf("%+v", lost)
				}
			}
		}
		if n != 6 {
			t.Errorf("%d were told", n)
		}
		close(step)
		r.expect(t, []int{0, 7, 8, 9}, []int{1, 2, 3, 4, 5, 6})
	})
}

// TestWhatALossIsTold: the first at once, then once a second.
func TestLossesAreToldOnceASecond(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _ := newRecorder(actor.Spec[int]{}, func(context.Context, int) error { return errBoom })
		_, tape := serve(t, tend.Spec{FailureThreshold: 1e9}, a)
		for i := range 25 {
			send(t, a, i)
			time.Sleep(99 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		want := []string{"0s 1", "1s 10", "2s 10", "3s 4"}
		var got []string
		begin := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		for _, e := range tape.Events() {
			if e, is := e.(tend.MessagesLost); is {
				got = append(got, fmt.Sprint(e.Time.Sub(begin), " ", e.N))
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

// TestEndsOfAnActor: what each way to be down means for its mailbox.
func TestEndsOfAnActor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		fail := false
		a, r := newRecorder(actor.Spec[int]{Child: tend.Child{Limit: tend.Limit{N: 1}}}, func(context.Context, int) error {
			if fail {
				return errBoom
			}
			return nil
		})
		s, _ := serve(t, tend.Spec{}, a)
		tok := s.Status().Services[0].Token
		send(t, a, 0)
		r.expect(t, []int{0}, nil)
		_ = s.Suspend(tok)
		synctest.Wait()
		send(t, a, 1) // waits
		r.expect(t, []int{0}, nil)
		_ = s.Restart(tok, nil)
		r.expect(t, []int{0, 1}, nil)
		fail = true
		_ = s.Suspend(tok)
		synctest.Wait()
		send(t, a, 2, 3) // together: after the first it is gone
		_ = s.Restart(tok, nil)
		r.expect(t, []int{0, 1}, []int{2, 3})
		err := a.TrySend(4)
		if !errors.Is(err, actor.ErrGone) || !errors.Is(err, errBoom) {
			t.Errorf("it has failed for good: %v", err)
		}
		fail = false
		_ = s.Restart(tok, nil) // trap 26: open again
		synctest.Wait()
		send(t, a, 5)
		r.expect(t, []int{0, 1, 5}, []int{2, 3})
		if err := s.RemoveAndWait(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
		if err := a.Send(t.Context(), 6); !errors.Is(err, actor.ErrGone) || !errors.Is(err, tend.ErrRemoved) {
			t.Errorf("it was removed: %v", err)
		}
		s.Add(a)
		synctest.Wait()
		send(t, a, 7)
		r.expect(t, []int{0, 1, 5, 7}, []int{2, 3})
		s.Stop()
		if err := a.Send(t.Context(), 8); !errors.Is(err, actor.ErrGone) || !errors.Is(err, tend.ErrStopped) {
			t.Errorf("its supervisor has stopped: %v", err)
		}
	})
}

// TestTrap16AStopWithMessagesThatWait loses them, told before the supervisor's Serve returns;
// or handles them, if it is to drain.
func TestTrap16AStopWithMessagesThatWait(t *testing.T) {
	for drain, want := range map[time.Duration][2][]int{
		0:                {{0}, {1, 2, 3}},
		25 * time.Second: {{0, 1, 2}, {3}},
		time.Minute:      {{0, 1, 2, 3}, nil},
	} {
		bubble(t, func(t *testing.T) {
			a, r := newRecorder(actor.Spec[int]{Drain: drain, Child: tend.Child{Timeout: time.Hour}}, func(ctx context.Context, _ int) error {
				time.Sleep(10 * time.Second)
				return nil
			})
			s, _ := serve(t, tend.Spec{}, a)
			send(t, a, 0, 1, 2, 3)
			time.Sleep(time.Second)
			s.Stop()
			r.mu.Lock()
			defer r.mu.Unlock()
			if d := cmp.Diff(want, [2][]int{r.handled, r.lost}); d != "" {
				t.Errorf("drain %v: %s", drain, d)
			}
			for _, why := range r.whys {
				if !errors.Is(why, actor.ErrGone) || !errors.Is(why, tend.ErrStopped) {
					t.Errorf("lost because of %v", why)
				}
			}
		})
	}
}

// TestADrainedRunEndsBeforeStop: when all is handled, and not only when the time for that is
// over, its context ends.
func TestADrainedRunEndsBeforeStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var run context.Context
		r := &record{}
		a := actor.New("a", &actor.Spec[int]{Drain: 5 * time.Second, New: func(ctx context.Context, _ *actor.Actor[int]) (actor.Handler[int], error) {
			run = ctx
			return &stopping{recorder: recorder{r, func(_ context.Context, m int) error {
				if m == 0 {
					time.Sleep(time.Second)
				}
				if run.Done() == nil || run.Err() != nil {
					t.Error("the run is over")
				}
				return nil
			}}, stop: func(context.Context, error) error {
				select {
				case <-run.Done():
				default:
					t.Error("the run is not over, and Stop is called")
				}
				return nil
			}}, nil
		}})
		s, _ := serve(t, tend.Spec{}, a)
		send(t, a, 0, 1, 2, 3, 4)
		synctest.Wait()
		began := time.Now()
		if s.Stop(); time.Since(began) != time.Second {
			t.Errorf("the stop took %v", time.Since(began))
		}
		r.expect(t, []int{0, 1, 2, 3, 4}, nil)
	})
}

// stopping is a state that is told of the end.
type stopping struct {
	recorder
	stop func(ctx context.Context, cause error) error
}

func (h *stopping) Stop(ctx context.Context, cause error) error {
	h.mu.Lock()
	h.stops = append(h.stops, cause)
	h.mu.Unlock()
	if h.stop == nil {
		return nil
	}
	return h.stop(ctx, cause)
}

// TestAFinalStopComesAfterAnother: who has not returned since it was to be started again takes no
// messages any more once it is to leave, or its supervisor stops.
func TestAFinalStopComesAfterAnother(t *testing.T) {
	restarts := func(s *tend.Supervisor, token tend.ServiceToken) error { return s.Restart(token, nil) }
	hangs := func(s *tend.Supervisor, token tend.ServiceToken) error {
		defer time.Sleep(time.Minute) // it is taken as stuck meanwhile
		return s.Restart(token, nil)
	}
	for _, first := range []func(s *tend.Supervisor, token tend.ServiceToken) error{
		restarts,
		func(s *tend.Supervisor, token tend.ServiceToken) error { return s.Restart(token, errBoom) },
		(*tend.Supervisor).Suspend,
		hangs,
	} {
		for _, why := range []error{tend.ErrRemoved, tend.ErrStopped} {
			bubble(t, func(t *testing.T) {
				step := make(chan struct{})
				a, r := newRecorder(actor.Spec[int]{Mailbox: 1}, func(context.Context, int) error {
					<-step
					return nil
				})
				s, _ := serve(t, tend.Spec{}, a)
				token := s.Status().Services[0].Token
				send(t, a, 0)
				synctest.Wait()
				if err := first(s, token); err != nil {
					t.Error(err)
				}
				send(t, a, 1)
				waits := make(chan error, 1)
				go func() { waits <- a.Send(t.Context(), 2) }()
				synctest.Wait()
				if why == tend.ErrRemoved {
					_ = s.Remove(token)
				} else {
					go s.Stop()
				}
				synctest.Wait()
				if err := a.TrySend(3); !errors.Is(err, actor.ErrGone) || !errors.Is(err, why) {
					t.Errorf("because of %v it says %v", why, err)
				}
				select {
				case err := <-waits:
					if !errors.Is(err, actor.ErrGone) {
						t.Errorf("who waits for room hears %v", err)
					}
				default:
					t.Error("who waits for room hears nothing")
				}
				close(step)
				r.expect(t, []int{0}, []int{1})
			})
		}
	}
}

// TestAFinalStopComesWhileHelpersRun of a run that is over: nobody knows yet what comes of that,
// but that the mailbox stays closed.
func TestAFinalStopComesWhileHelpersRun(t *testing.T) {
	for _, isStuck := range []bool{false, true} {
		for why, ask := range map[error]func(s *tend.Supervisor, token tend.ServiceToken){
			tend.ErrRemoved:   func(s *tend.Supervisor, token tend.ServiceToken) { _ = s.Remove(token) },
			tend.ErrStopped:   func(s *tend.Supervisor, _ tend.ServiceToken) { go s.Stop() },
			tend.ErrSuspended: func(s *tend.Supervisor, token tend.ServiceToken) { _ = s.Suspend(token) },
		} {
			bubble(t, func(t *testing.T) {
				end := make(chan struct{})
				a, r := newRecorder(actor.Spec[int]{}, func(ctx context.Context, _ int) error {
					tend.Go(ctx, func(context.Context) error {
						<-end
						return nil
					})
					return errBoom
				})
				s, _ := serve(t, tend.Spec{}, a)
				token := s.Status().Services[0].Token
				send(t, a, 0)
				synctest.Wait()
				if isStuck {
					time.Sleep(time.Minute)
				}
				send(t, a, 1)
				ask(s, token)
				synctest.Wait()
				err := a.TrySend(2)
				close(end)
				if why == tend.ErrSuspended {
					if err != nil {
						t.Errorf("one that is merely suspended says %v", err)
					}
					return
				}
				if !errors.Is(err, actor.ErrGone) || !errors.Is(err, why) {
					t.Errorf("because of %v it says %v", why, err)
				}
				r.expect(t, nil, []int{0, 1})
			})
		}
	}
}

// TestATemporaryActorStopsForGood with its group: it drains, and takes no more.
func TestATemporaryActorStopsForGood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step, fail := make(chan struct{}), make(chan struct{})
		a, r := newRecorder(actor.Spec[int]{Drain: time.Second, Child: tend.Child{Restart: tend.Temporary}}, func(context.Context, int) error {
			<-step
			return nil
		})
		s, _ := serve(t, tend.Spec{Strategy: tend.OneForAll}, a, tend.Func("sibling", func(ctx context.Context) error {
			select {
			case <-fail:
				return errBoom
			case <-ctx.Done():
				return nil
			}
		}))
		send(t, a, 0, 1)
		synctest.Wait()
		close(fail)
		synctest.Wait()
		if err := a.TrySend(2); !errors.Is(err, actor.ErrGone) || !errors.Is(err, tend.ErrSiblingFailed) {
			t.Errorf("it says %v", err)
		}
		close(step)
		r.expect(t, []int{0, 1}, nil)
		if n := len(s.Status().Services); n != 1 {
			t.Errorf("there are %d services", n)
		}
	})
}

// TestWhoIsRemovedBeforeItComes takes nothing: it was to have the place of one that is slow to
// leave.
func TestWhoIsRemovedBeforeItComes(t *testing.T) {
	for _, waiting := range [][]int{nil, {0}} {
		bubble(t, func(t *testing.T) {
			a, r := newRecorder(actor.Spec[int]{}, func(context.Context, int) error { return nil })
			s, _ := serve(t, tend.Spec{}, tendtest.Slow("slow", time.Second))
			synctest.Wait()
			token := s.Status().Services[0].Token
			if err := s.Replace(token, a); err != nil {
				t.Fatal(err)
			}
			send(t, a, waiting...)
			_ = s.Remove(token)
			synctest.Wait()
			if err := a.TrySend(1); !errors.Is(err, actor.ErrGone) || !errors.Is(err, tend.ErrRemoved) {
				t.Errorf("it says %v", err)
			}
			r.expect(t, nil, waiting)
			time.Sleep(time.Minute)
			r.expect(t, nil, waiting)
			if n := len(s.Status().Services); n != 0 {
				t.Errorf("there are %d services", n)
			}
		})
	}
}

// TestOneStopHasOneCause: what ends while it is under way is none.
func TestOneStopHasOneCause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _ := newRecorder(actor.Spec[int]{}, func(context.Context, int) error { return nil })
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(a)
		s.Add(tendtest.Slow("slow", time.Second))
		ctx, cancel := context.WithCancel(t.Context())
		done := s.ServeBackground(ctx)
		synctest.Wait()
		go s.Stop()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if err := a.TrySend(0); !errors.Is(err, tend.ErrStopped) {
			t.Errorf("it says %v", err)
		}
		<-done
		if err := a.TrySend(0); !errors.Is(err, tend.ErrStopped) {
			t.Errorf("afterwards it says %v", err)
		}
	})
}

// TestStop is called once at the end of each run, whatever ended it, with the reason.
func TestStopOfAHandler(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := &record{}
		a := actor.New("a", &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
			return &stopping{recorder: recorder{r, func(_ context.Context, m int) error {
				if m < 0 {
					panic(errBoom)
				}
				return nil
			}}, stop: func(ctx context.Context, _ error) error {
				if ctx.Err() != nil {
					t.Errorf("the context of Stop has ended: %v", ctx.Err())
				}
				by, is := ctx.Deadline()
				if left := time.Until(by); is && left != 10*time.Second {
					t.Errorf("it has %v", left)
				}
				return nil
			}}, nil
		}})
		s, _ := serve(t, tend.Spec{}, a)
		tok := s.Status().Services[0].Token
		synctest.Wait()
		_ = s.Suspend(tok)
		synctest.Wait()
		_ = s.Restart(tok, nil)
		synctest.Wait()
		send(t, a, -1)
		synctest.Wait()
		s.Stop()
		want := []error{tend.ErrSuspended, errBoom, tend.ErrStopped}
		if len(r.stops) != len(want) {
			t.Fatalf("Stop was called with %v", r.stops)
		}
		for i := range want {
			if !errors.Is(r.stops[i], want[i]) {
				t.Errorf("stop %d: %v", i, r.stops[i])
			}
		}
	})
}

// TestTrap13And14PanicsAtTheEnd: in Stop, in New, in Lost; a stop stays a stop.
func TestTrap13And14PanicsAtTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		news := 0
		spec := &actor.Spec[int]{
			New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
				if news++; news == 2 {
					panic("in New")
				}
				return &stopping{
					recorder: recorder{&record{}, func(context.Context, int) error { return errBoom }},
					stop:     func(context.Context, error) error { panic("in Stop") },
				}, nil
			},
			Lost: func(int, error) { panic("in Lost") },
		}
		a := actor.New("a", spec)
		s, tape := serve(t, tend.Spec{}, a)
		send(t, a, 0)
		synctest.Wait()
		s.Stop()
		synctest.Wait()
		type told struct {
			kind string
			run  uint64
			text string
		}
		var got []told
		for _, e := range tape.Events() {
			run := e.From().Incarnation
			switch e := e.(type) {
			case tend.ServiceFailed:
				got = append(got, told{"failed", run, e.Err.Text})
			case tend.ServiceAlsoFailed:
				got = append(got, told{"also failed", run, e.Err.Text})
			case tend.ServiceEnded: // the stop is not turned into a failure
				got = append(got, told{"ended", run, e.Err.Text})
			}
		}
		if len(got) > 1 { // the first two are told by two goroutines
			slices.SortFunc(got[:2], func(a, b told) int { return strings.Compare(a.text, b.text) })
		}
		want := []told{{"also failed", 1, "panic: in Lost"}, {"also failed", 1, "panic: in Stop"}, {"failed", 1, "boom"}, {"failed", 2, "panic: in New"}, {"ended", 3, "panic: in Stop"}}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(told{})); d != "" || news != 3 {
			t.Errorf("New was called %d times; %s", news, d)
		}
	})
}

// TestTheContextOfARun ends when the run does, with the reason; what is kept of an earlier
// run stays cancelled.
func TestTheContextOfARun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		type key struct{}
		var kept []context.Context
		var derived []context.Context
		a, r := newRecorder(actor.Spec[int]{}, func(ctx context.Context, _ int) error {
			for i, before := range kept {
				if before.Err() == nil || before.Done() == nil || before.Value(key{}) != nil {
					t.Errorf("in run %d the context of run %d goes on", len(kept)+1, i+1)
				}
			}
			kept = append(kept, ctx)
			if ctx.Value(key{}) != "value" {
				t.Errorf("the value is %v", ctx.Value(key{}))
			}
			if ctx.Err() != nil {
				t.Errorf("it has ended: %v", ctx.Err())
			}
			below, cancel := context.WithCancel(ctx)
			context.AfterFunc(t.Context(), cancel)
			derived = append(derived, below)
			if self, ok := tend.Self(ctx); !ok || self.Name != "a" {
				t.Errorf("self is %v", self)
			}
			return nil
		})
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(a)
		s.ServeBackground(context.WithValue(t.Context(), key{}, "value"))
		tok := s.Status().Services[0].Token
		for i := range 3 {
			send(t, a, i)
			synctest.Wait()
			_ = s.Restart(tok, nil)
			synctest.Wait()
		}
		r.expect(t, upTo(3), nil)
		s.Stop()
		for i := range kept {
			if kept[i].Err() == nil || derived[i].Err() == nil {
				t.Errorf("the context of run %d goes on", i+1)
			}
			if cause := context.Cause(derived[i]); !errors.Is(cause, tend.ErrRestartRequested) {
				t.Errorf("the cause of run %d is %v", i+1, cause)
			}
		}
	})
}

// TestHelpersOfAnActor belong to the run: it ends when they have.
func TestHelpersOfAnActor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _ := newRecorder(actor.Spec[int]{}, func(ctx context.Context, _ int) error {
			tend.Go(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(3 * time.Second)
				return nil
			})
			return nil
		})
		s, _ := serve(t, tend.Spec{}, a)
		send(t, a, 1)
		synctest.Wait()
		began := time.Now()
		s.Stop()
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("the stop took %v", took)
		}
	})
}

// TestWhatAHandlerMaySayAndKnow: what it notes is in the status as long as the run is on,
// and it knows until when it has to be gone.
func TestWhatAHandlerMaySayAndKnow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var by time.Time
		var known bool
		a, _ := newRecorder(actor.Spec[int]{Child: tend.Child{Timeout: 7 * time.Second}}, func(ctx context.Context, _ int) error {
			tend.Annotate(ctx, slog.String("city", "Bern"))
			<-ctx.Done()
			by, known = tend.StopBy(ctx)
			return nil
		})
		s, _ := serve(t, tend.Spec{}, a)
		tok := s.Status().Services[0].Token
		send(t, a, 1)
		synctest.Wait()
		if noted := s.Status().Services[0].Annotations; len(noted) != 1 || noted[0].Value.String() != "Bern" {
			t.Errorf("it has noted %v", noted)
		}
		_ = s.Suspend(tok)
		synctest.Wait()
		if noted := s.Status().Services[0].Annotations; len(noted) != 0 {
			t.Errorf("its run is over, and has noted %v", noted)
		}
		if !known || !by.Equal(time.Now().Add(7*time.Second)) {
			t.Errorf("it has time until %v, %v", by, known)
		}
	})
}

// TestReadyTimeoutFromOutside: that of a Child around it is as good as that of its Spec.
func TestReadyTimeoutFromOutside(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := actor.New("a", &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
			time.Sleep(10 * time.Second)
			return actor.Func[int](func(context.Context, int) error { return nil }), nil
		}})
		s, _ := serve(t, tend.Spec{Ordered: true}, tend.Child{Service: a, ReadyTimeout: time.Minute}, tendtest.Idle("next"))
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := s.WaitReady(ctx); err != nil || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		time.Sleep(time.Hour)
		if n := s.Status().Services[0]; n.Incarnation != 1 || n.State != tend.StateRunning {
			t.Errorf("run %d is %v", n.Incarnation, n.State)
		}
	})
}

// TestReadyTimeoutOfAnActor: it is ready when New has returned.
func TestReadinessOfAnActor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := actor.New("a", &actor.Spec[int]{
			New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
				time.Sleep(time.Second)
				return actor.Func[int](func(context.Context, int) error { return nil }), nil
			},
			Child: tend.Child{ReadyTimeout: time.Minute},
		})
		s, _ := serve(t, tend.Spec{})
		began := time.Now()
		if _, err := s.Start(t.Context(), a); err != nil || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// TestLostMayCallGoexit: the stop ends all the same, and all are told.
func TestLostMayCallGoexit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		told := 0
		a := actor.New("a", &actor.Spec[int]{
			New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
				return actor.Func[int](func(context.Context, int) error { time.Sleep(time.Second); return nil }), nil
			},
			Lost: func(int, error) { told++; runtime.Goexit() },
		})
		s, _ := serve(t, tend.Spec{}, a)
		send(t, a, upTo(10)...)
		synctest.Wait()
		s.Stop()
		if status := s.Status().Services[0]; told != 9 || status.State != tend.StatePending {
			t.Errorf("%d were told, it is %v", told, status.State)
		}
	})
}

// TestSendersThatWaitLearnOfTheEndAtOnce, and not when the message in hand is through.
func TestSendersThatWaitLearnOfTheEndAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, r := newRecorder(actor.Spec[int]{Mailbox: 1}, func(context.Context, int) error { time.Sleep(5 * time.Second); return nil })
		s, _ := serve(t, tend.Spec{}, a)
		send(t, a, 0)
		synctest.Wait()
		send(t, a, 1)
		began := time.Now()
		go func() { time.Sleep(time.Second); s.Stop() }()
		if err := a.Send(t.Context(), 2); !errors.Is(err, actor.ErrGone) || !errors.Is(err, tend.ErrStopped) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		time.Sleep(time.Minute)
		r.expect(t, []int{0}, []int{1})
	})
}

// TestAFloodStarvesNobody: another one has its turn after 64 messages.
func TestAFloodStarvesNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		flood, r := newRecorder(actor.Spec[int]{Mailbox: 1000}, nil)
		before := 0
		other, _ := newRecorder(actor.Spec[int]{}, func(context.Context, int) error {
			before = len(r.handled)
			return nil
		})
		send(t, flood, upTo(1000)...)
		send(t, other, 0)
		s, w := serveByHand(t, flood, other)
		w.work()
		r.expect(t, upTo(1000), nil)
		if before != 64 {
			t.Errorf("%d messages were handled before the other's", before)
		}
		s.Stop()
	})
}

// TestADrainLeavesTimeToStop: a twentieth of the stop is not drained in.
func TestADrainLeavesTimeToStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, r := newRecorder(actor.Spec[int]{Drain: 30*time.Second - 1, Child: tend.Child{Timeout: 30 * time.Second}}, func(context.Context, int) error {
			time.Sleep(10 * time.Second)
			return nil
		})
		s, _ := serve(t, tend.Spec{}, a)
		send(t, a, upTo(9)...)
		time.Sleep(500 * time.Millisecond)
		s.Stop() // by 30.5s, so it drains until 29s
		r.expect(t, []int{0, 1, 2}, []int{3, 4, 5, 6, 7, 8})
	})
}

// TestADrainEndsEarlierIfTheStopDoes: that of one which was removed when the whole is stopped. The
// deadline that Stop has goes with it.
func TestADrainEndsEarlierIfTheStopDoes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, r := newRecorder(actor.Spec[int]{Drain: 30*time.Second - 1, Child: tend.Child{Timeout: 30 * time.Second}}, func(context.Context, int) error {
			time.Sleep(time.Second)
			return nil
		})
		var s *tend.Supervisor
		begin := time.Now()
		b := actor.New("b", &actor.Spec[int]{Child: tend.Child{Timeout: time.Hour}, New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
			return stopsWith{func(ctx context.Context) {
				time.Sleep(4 * time.Second)
				if by, is := ctx.Deadline(); !is || by.Sub(begin) != 8150*time.Millisecond {
					t.Errorf("it is to stop by %v, %v", by.Sub(begin), is)
				}
			}}, nil
		}})
		s, _ = serve(t, tend.Spec{StopWithin: 5 * time.Second}, a, b)
		send(t, a, upTo(12)...)
		time.Sleep(400 * time.Millisecond)
		for _, one := range s.Status().Services {
			_ = s.Remove(one.Token)
		}
		time.Sleep(3 * time.Second)
		s.Stop() // by 8.15s, so it drains until 7.9125s
		r.expect(t, upTo(8), []int{8, 9, 10, 11})
	})
}

// TestAHandlerHearsThatTheStopComesNearer, by its context as any service does.
func TestAHandlerHearsThatTheStopComesNearer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var heard time.Duration
		begin := time.Now()
		a, _ := newRecorder(actor.Spec[int]{Child: tend.Child{Timeout: time.Hour}}, func(ctx context.Context, _ int) error {
			select {
			case <-stopped.Hastened(ctx):
			case <-time.After(time.Minute):
			}
			heard = time.Since(begin)
			return nil
		})
		s, _ := serve(t, tend.Spec{StopWithin: 5 * time.Second}, a)
		send(t, a, 1)
		synctest.Wait()
		_ = s.Remove(s.Status().Services[0].Token)
		time.Sleep(time.Second)
		s.Stop()
		if heard != time.Second {
			t.Errorf("it heard of it after %v", heard)
		}
		time.Sleep(time.Minute) // whatever hangs, for less
	})
}

type stopsWith struct{ stop func(context.Context) }

func (stopsWith) Handle(context.Context, int) error         { return nil }
func (s stopsWith) Stop(ctx context.Context, _ error) error { s.stop(ctx); return nil }

// TestABusyActorKeepsWhatItHas, though many others have been busy since it was idle.
func TestABusyActorKeepsWhatItHas(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := serve(t, tend.Spec{})
		step := make(chan struct{})
		first, r := newRecorder(actor.Spec[int]{}, func(_ context.Context, m int) error {
			if m > 0 {
				<-step
			}
			return nil
		})
		s.Add(first)
		send(t, first, 0)
		synctest.Wait()
		send(t, first, 1)
		synctest.Wait()
		for range 1100 {
			other, _ := newRecorder(actor.Spec[int]{}, nil)
			s.Add(other)
			send(t, other, 0)
		}
		synctest.Wait()
		send(t, first, 2, 3)
		close(step)
		r.expect(t, upTo(4), nil)
	})
}

// TestADrainIsForMessages: a timer's is not waited for, nor handled.
func TestADrainIsForMessages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var handled []int
		a := actor.New("a", &actor.Spec[int]{Drain: time.Minute, Child: tend.Child{Timeout: time.Hour}, New: func(_ context.Context, self *actor.Actor[int]) (actor.Handler[int], error) {
			self.After(5*time.Second, 9)
			return actor.Func[int](func(_ context.Context, m int) error {
				time.Sleep(10 * time.Second)
				handled = append(handled, m)
				return nil
			}), nil
		}})
		s, _ := serve(t, tend.Spec{}, a)
		send(t, a, 0, 1)
		time.Sleep(time.Second)
		s.Stop()
		if d := cmp.Diff([]int{0, 1}, handled); d != "" {
			t.Error(d)
		}
	})
}

// hang is what a handler that is looked for does.
func hang(free <-chan struct{}) { <-free }

// TestStacksOfAnActor are those of the worker that has it, and not of goroutines that its
// handler has started; one that is idle has none.
func TestStacksOfAnActor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		free := make(chan struct{})
		a, _ := newRecorder(actor.Spec[int]{}, func(context.Context, int) error {
			go func() { <-free }()
			hang(free)
			return nil
		})
		s, tape := serve(t, tend.Spec{}, a)
		tok := s.Status().Services[0].Token
		synctest.Wait()
		if stacks, err := s.Stacks(tok); err == nil {
			t.Errorf("idle it has\n%s", stacks)
		}
		send(t, a, 1)
		synctest.Wait()
		stacks, err := s.Stacks(tok)
		if err != nil || !strings.Contains(stacks, "actor_test.hang") || !strings.HasPrefix(stacks, "1 goroutine:") {
			t.Errorf("%v\n%s", err, stacks)
		}
		go s.Stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		stuck := false
		for _, e := range tape.Events() {
			if e, is := e.(tend.ServiceStuck); is {
				stuck = strings.Contains(e.Stacks, "actor_test.hang")
			}
		}
		if !stuck {
			t.Error("it is not told where it is stuck")
		}
		close(free)
	})
}

// TestWhatIsLostWithoutARun is told, too: the actor was removed before it was launched.
func TestWhatIsLostWithoutARun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, r := newRecorder(actor.Spec[int]{}, nil)
		s := tend.New("root", tend.Spec{})
		tok := s.Add(a)
		send(t, a, 0, 1)
		_ = s.Remove(tok)
		r.expect(t, nil, []int{0, 1})
	})
}

// TestServeAloneAndGoexit: the run ends as it should, and then the goroutine does.
func TestServeAloneAndGoexit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := &record{}
		a := actor.New("a", &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
			return &stopping{recorder: recorder{r, func(context.Context, int) error { runtime.Goexit(); return nil }}}, nil
		}, Lost: r.lose})
		send(t, a, 0)
		returned, over := false, make(chan struct{})
		go func() {
			defer close(over)
			_ = a.Serve(t.Context())
			returned = true
		}()
		<-over
		r.expect(t, nil, []int{0})
		if returned || len(r.stops) != 1 || !errors.Is(r.stops[0], tend.ErrGoexit) {
			t.Errorf("it has returned: %v, Stop was called with %v", returned, r.stops)
		}
	})
}

// TestServeAlone: the same rules on the goroutine of the caller.
func TestServeAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, r := newRecorder(actor.Spec[int]{}, func(_ context.Context, m int) error {
			switch m {
			case 2:
				return errBoom
			case 4:
				panic("boom")
			}
			return nil
		})
		served := func() (v any, err error) {
			defer func() { v = recover() }()
			return nil, a.Serve(t.Context())
		}
		send(t, a, 0, 1, 2, 3, 4, 5)
		if v, err := served(); !errors.Is(err, errBoom) || v != nil {
			t.Errorf("%v, %v", err, v)
		}
		r.expect(t, []int{0, 1}, []int{2})
		if v, err := served(); err != nil || v != "boom" {
			t.Errorf("%v, %v", err, v)
		}
		r.expect(t, []int{0, 1, 3}, []int{2, 4})
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error)
		go func() { done <- a.Serve(ctx) }()
		r.expect(t, []int{0, 1, 3, 5}, []int{2, 4})
		cancel(errBoom)
		if err := <-done; !errors.Is(err, errBoom) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if err := a.TrySend(6); !errors.Is(err, actor.ErrGone) {
			t.Errorf("it is over: %v", err)
		}
	})
}

// TestServeAloneIsLikeServedByASupervisor: contexts, timers, what is lost, questions.
func TestServeAloneIsLikeServedByASupervisor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		type key struct{}
		var kept context.Context
		var a *actor.Actor[int]
		a, r := newRecorder(actor.Spec[int]{Child: tend.Child{ReadyTimeout: time.Minute}}, func(ctx context.Context, m int) error {
			kept = ctx
			switch m {
			case 0:
				if ctx.Value(key{}) != "value" || ctx.Err() != nil || ctx.Done() == nil {
					t.Errorf("the context has %v, %v", ctx.Value(key{}), ctx.Err())
				}
				a.After(time.Second, 1)
			case 1: // it is asked to stop meanwhile
				time.Sleep(time.Second)
				if !errors.Is(context.Cause(ctx), errBoom) {
					t.Errorf("the cause is %v", context.Cause(ctx))
				}
			}
			return nil
		})
		ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "value"))
		done := make(chan error)
		go func() { done <- a.Serve(ctx) }()
		send(t, a, 0)
		time.Sleep(1500 * time.Millisecond)
		send(t, a, 2)
		cancel(errBoom) // 1 is in hand
		if err := <-done; !errors.Is(err, errBoom) {
			t.Errorf("%v", err)
		}
		r.expect(t, []int{0, 1}, []int{2})
		if kept.Err() == nil {
			t.Error("the context of the run goes on")
		}
		if err := a.Serve(ctx); !errors.Is(err, errBoom) || r.runs != 1 {
			t.Errorf("with a context that has ended: %v, %d runs", err, r.runs)
		}
	})
}

// TestServeTwice panics, and does not disturb the first.
func TestServeTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, r := newRecorder(actor.Spec[int]{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Serve(ctx) }()
		synctest.Wait()
		func() {
			defer func() {
				if v := recover(); v != `tend/actor: Serve of "a", which is in a tree or served already` {
					t.Errorf("%v", v)
				}
			}()
			_ = a.Serve(ctx)
		}()
		send(t, a, 1)
		r.expect(t, []int{1}, nil)
		cancel()
		<-done
	})
}

// TestAHandlerThatIsNone: nil, or a nil pointer, is an error of the run.
func TestAHandlerThatIsNone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, h := range []actor.Handler[int]{nil, (*recorder)(nil), actor.Func[int](nil)} {
			s, _ := serve(t, tend.Spec{FailureThreshold: 0.5}, actor.New("a", &actor.Spec[int]{
				New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) { return h, nil },
			}))
			synctest.Wait()
			if status := s.Status().Services[0]; status.Failed != 1 || status.Failures[0].Err.Text != "tend/actor: Spec.New of a has returned no Handler" {
				t.Errorf("%T: %+v", h, status)
			}
		}
	})
}

// TestMisuse: each is a clear panic at the call that is wrong.
func TestMisuse(t *testing.T) {
	ok := func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) { return nil, nil }
	for want, f := range map[string]func(){
		`tend/actor: New "a": the Spec is nil`:        func() { actor.New[int]("a", nil) },
		`tend/actor: New "a": Spec.New is nil`:        func() { actor.New("a", &actor.Spec[int]{}) },
		`tend/actor: New "a": Spec.Mailbox is -1`:     func() { actor.New("a", &actor.Spec[int]{New: ok, Mailbox: -1}) },
		`tend/actor: New "a": Spec.Drain is -1s`:      func() { actor.New("a", &actor.Spec[int]{New: ok, Drain: -time.Second}) },
		`tend/actor: New "a": Spec.Child.Name is set`: func() { actor.New("a", &actor.Spec[int]{New: ok, Child: tend.Child{Name: "b"}}) },
		`tend/actor: New "a": Spec.Child.Service is set`: func() {
			actor.New("a", &actor.Spec[int]{New: ok, Child: tend.Child{Service: tend.New("b", tend.Spec{})}})
		},
		`tend/actor: New "a": Spec.Drain is 1s, and its Child.Timeout 1s`: func() {
			actor.New("a", &actor.Spec[int]{New: ok, Drain: time.Second, Child: tend.Child{Timeout: time.Second}})
		},
		`tend/actor: Send to a with a nil context`:    func() { _ = actor.New("a", &actor.Spec[int]{New: ok}).Send(nil, 1) }, //nolint:staticcheck // it is what is tested
		`tend/actor: Serve of "a" with a nil context`: func() { _ = actor.New("a", &actor.Spec[int]{New: ok}).Serve(nil) },   //nolint:staticcheck // it is what is tested
		`tend/actor: New "a": Spec.Child.Watchdog is 1s, and Inline is set: who asks has no watchdog`: func() {
			actor.New("a", &actor.Spec[int]{New: ok, Inline: true, Child: tend.Child{Watchdog: time.Second}})
		},
		`tend/actor: Every of "a": the time is 0s`: func() { actor.New("a", &actor.Spec[int]{New: ok}).Every(0, 1) },
		"tend/actor: Watch of a with a nil message": func() {
			a := actor.New("a", &actor.Spec[int]{New: ok})
			actor.Watch(a, a, nil)
		},
		"tend/actor: Subscribe of a with a nil message": func() {
			actor.Subscribe[int](&actor.Topic[int]{}, actor.New("a", &actor.Spec[int]{New: ok}), nil)
		},
		"tend/actor: Ask of a with a nil context or message": func() {
			_, _ = actor.Ask[int, int](t.Context(), actor.New("a", &actor.Spec[int]{New: ok}), nil)
		},
		"tend/actor: a is being added, and is in a tree already, or Serve was called": func() {
			a, s := actor.New("a", &actor.Spec[int]{New: ok}), tend.New("root", tend.Spec{})
			s.Add(a)
			s.Add(a)
		},
	} {
		func() {
			defer func() {
				if v := recover(); v != want {
					t.Errorf("%v, not %s", v, want)
				}
			}()
			f()
		}()
	}
}

// TestBeforeItIsServedAnActorWaits, whatever is asked of it: its mailbox is open. Added to a
// supervisor that has stopped it is closed.
func TestBeforeItIsServedAnActorWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, r := newRecorder(actor.Spec[int]{}, nil)
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		token := s.Add(a)
		send(t, a, 1)
		if err := s.Suspend(token); err != nil {
			t.Error(err)
		}
		send(t, a, 2)
		if err := s.Restart(token, nil); err != nil {
			t.Error(err)
		}
		send(t, a, 3)
		done := s.ServeBackground(t.Context())
		r.expect(t, []int{1, 2, 3}, nil)
		s.Stop()
		<-done
		late, r := newRecorder(actor.Spec[int]{}, nil)
		send(t, late, 1)
		s.Add(late)
		r.expect(t, nil, []int{1})
		if err := late.TrySend(2); !errors.Is(err, actor.ErrGone) {
			t.Errorf("added to one that has stopped it says %v", err)
		}
		s.ServeBackground(t.Context())
		defer s.Stop()
		synctest.Wait()
		send(t, late, 3)
		r.expect(t, []int{3}, []int{1})
	})
}

// TestServedAgainAnActorWaits: one that is suspended, or whose turn has not come, takes messages as
// before its supervisor had stopped; one that has failed for good does not.
func TestServedAgainAnActorWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		suspended, r := newRecorder(actor.Spec[int]{}, nil)
		failed, _ := newRecorder(actor.Spec[int]{Child: tend.Child{Limit: tend.Limit{N: 1}}}, func(context.Context, int) error { return errBoom })
		next, r2 := newRecorder(actor.Spec[int]{}, nil)
		s, _ := serve(t, tend.Spec{Ordered: true}, failed)
		token := s.Add(suspended)
		slow := s.Add(tend.Child{ReadyTimeout: time.Hour, Service: tend.Func("slow", func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		})})
		s.Add(next)
		synctest.Wait()
		if err := s.Suspend(token); err != nil {
			t.Error(err)
		}
		send(t, failed, 0)
		synctest.Wait()
		for i := range 3 {
			send(t, suspended, i)
			send(t, next, i)
			s.Stop()
			if err := suspended.TrySend(i); !errors.Is(err, actor.ErrGone) {
				t.Errorf("when its supervisor has stopped it says %v", err)
			}
			s.ServeBackground(t.Context())
			synctest.Wait()
		}
		send(t, suspended, 3)
		send(t, next, 3)
		if err := failed.TrySend(0); !errors.Is(err, actor.ErrGone) {
			t.Errorf("one that has failed for good says %v", err)
		}
		if err := errors.Join(s.Restart(token, nil), s.Suspend(slow)); err != nil {
			t.Error(err)
		}
		r.expect(t, []int{3}, []int{0, 1, 2})
		r2.expect(t, []int{3}, []int{0, 1, 2})
	})
}

// TestLostMessagesAreToldByTheirType, which may be an interface.
func TestLostMessagesAreToldByTheirType(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := actor.New("a", &actor.Spec[order]{New: func(context.Context, *actor.Actor[order]) (actor.Handler[order], error) {
			return actor.Func[order](func(context.Context, order) error { return errBoom }), nil
		}})
		_, tape := serve(t, tend.Spec{}, a)
		if err := a.TrySend(deposit{1}); err != nil {
			t.Error(err)
		}
		if lines := tape.Lines(tend.MessagesLost{}.Kind()); len(lines) != 1 || !strings.Contains(lines[0], "message=actor_test.order") {
			t.Errorf("told: %q", lines)
		}
	})
}

// TestWhatIsLostAfterServeHasReturned is told, though nobody takes turns any more, and the next
// Serve ends.
func TestWhatIsLostAfterServeHasReturned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, r := newRecorder(actor.Spec[int]{Mailbox: 1, DropOldest: true}, func(context.Context, int) error { return errBoom })
		send(t, a, 0)
		if err := a.Serve(t.Context()); !errors.Is(err, errBoom) {
			t.Fatal(err)
		}
		send(t, a, 1, 2)
		r.expect(t, nil, []int{0, 1})
		if err := a.Serve(t.Context()); !errors.Is(err, errBoom) {
			t.Error(err)
		}
		r.expect(t, nil, []int{0, 1, 2})
	})
}

// TestLostMayExitBeforeTheFirstRun: what is lost after that is told all the same.
func TestLostMayExitBeforeTheFirstRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var lost []int
		a := actor.New("a", &actor.Spec[int]{
			Mailbox: 1, DropOldest: true,
			New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) { return nil, errBoom },
			Lost: func(m int, _ error) {
				if lost = append(lost, m); m == 0 {
					runtime.Goexit()
				}
			},
		})
		for m := range 3 {
			send(t, a, m)
			synctest.Wait()
		}
		if !slices.Equal(lost, []int{0, 1}) {
			t.Errorf("lost are %d", lost)
		}
	})
}
