package tend_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/latent"
)

// newLatent makes a latent service of another one, whose runs are on goroutines that the
// tree knows nothing of.
func newLatent(svc tend.Service) *latentService { return &latentService{Service: svc} }

type latentService struct {
	tend.Service
	settings *tend.Child
	member   bool

	mu     sync.Mutex
	run    uint64
	cancel context.CancelCauseFunc
	fates  []latent.Settled
	stops  []latent.Stop
}

func (s *latentService) String() string             { return fmt.Sprint(s.Service) }
func (s *latentService) Latent() latent.Service     { return s }
func (s *latentService) Mailbox() latent.Mailbox    { return latent.Mailbox{} }
func (s *latentService) Worker() uint64             { return 0 }
func (s *latentService) IsMember() bool             { return s.member }
func (s *latentService) Enter(latent.Link)          {}
func (s *latentService) Stuck(uint64)               {}
func (s *latentService) Finish(uint64, latent.Stop) {}
func (s *latentService) Hasten(uint64, time.Time)   {}
func (s *latentService) Itself() any                { return s }

func (s *latentService) Settings() any {
	if s.settings == nil {
		return nil
	}
	return s.settings
}

func (s *latentService) Launch(l latent.Link, run uint64) {
	ctx, cancel := l.Context(run, true)
	l.Opened(run, ctx)
	s.mu.Lock()
	s.run, s.cancel = run, cancel
	s.mu.Unlock()
	go s.work(ctx, l, run)
}

func (s *latentService) Cancel(run uint64, why latent.Stop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stops = append(s.stops, why)
	if run == s.run {
		s.cancel(why.Cause)
	}
}

func (s *latentService) Settle(now latent.Settled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fates = append(s.fates, now)
}

// told is what it has been told since it was asked last.
func (s *latentService) told() []latent.Settled {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := s.fates
	s.fates = nil
	return told
}

func (s *latentService) work(ctx context.Context, l latent.Link, run uint64) {
	var err error
	returned := false
	defer func() {
		if !returned {
			err = l.Broken(recover())
		}
		l.Ended(run, ctx, nil, err)
	}()
	err = s.Service.Serve(ctx)
	returned = true
}

// TestALatentServiceIsAServiceLikeAnyOther: each way to live and end, with a goroutine and
// without, makes the same events at the same times.
func TestALatentServiceIsAServiceLikeAnyOther(t *testing.T) {
	boom := errors.New("boom")
	ways := map[string]func(ctx context.Context, run int) error{
		"idle":     func(ctx context.Context, _ int) error { return obey(ctx) },
		"fails":    func(ctx context.Context, run int) error { return firstly(ctx, run, boom) },
		"leaves":   func(context.Context, int) error { return tend.ErrDoNotRestart },
		"ends":     func(context.Context, int) error { return tend.ErrTerminateTree },
		"nil":      func(ctx context.Context, run int) error { return firstly(ctx, run, nil) },
		"panics":   func(ctx context.Context, run int) error { return firstly(ctx, run, panicking("boom")) },
		"unclean":  func(ctx context.Context, _ int) error { <-ctx.Done(); return boom },
		"slow":     func(ctx context.Context, _ int) error { <-ctx.Done(); time.Sleep(time.Minute); return nil },
		"ready":    func(ctx context.Context, _ int) error { time.Sleep(time.Second); tend.Ready(ctx); return obey(ctx) },
		"annotate": func(ctx context.Context, _ int) error { return withHelper(ctx, nil) },
		"helper":   func(ctx context.Context, _ int) error { return withHelper(ctx, boom) },
	}
	for name, way := range ways {
		for _, child := range []tend.Child{{}, {Restart: tend.Transient}, {Restart: tend.Temporary}, {ReadyTimeout: 3 * time.Second, Limit: tend.Limit{N: 3}}} {
			for _, spec := range []tend.Spec{{}, {Strategy: tend.OneForAll}, {Escalate: true, FailureThreshold: 0.5}} {
				live := func(isLatent bool) []tend.Event { return lifeOf(t, spec, child, isLatent, way) }
				if d := cmp.Diff(live(false), live(true), cmpopts.IgnoreFields(tend.Origin{}, "Token"), sameReason, cmpopts.IgnoreFields(tend.ServiceStuck{}, "Stacks"), cmpopts.IgnoreFields(tend.ServiceUnresponsive{}, "Stacks")); d != "" {
					t.Errorf("%s, %+v, %+v, with a goroutine and without:\n%s", name, child, spec, d)
				}
			}
		}
	}
}

// firstly ends the first run with err, or panics with it.
func firstly(ctx context.Context, run int, err error) error {
	if run > 1 {
		return obey(ctx)
	}
	time.Sleep(time.Second)
	if p := panicking(""); errors.As(err, &p) {
		panic(string(p))
	}
	return err
}

type panicking string

func (p panicking) Error() string { return string(p) }

// withHelper has a helper that ends with err, and notes something.
func withHelper(ctx context.Context, err error) error {
	tend.Annotate(ctx, slog.Int("port", 80))
	tend.Go(ctx, func(ctx context.Context) error {
		time.Sleep(2 * time.Second)
		if err == nil {
			return obey(ctx)
		}
		return err
	})
	return obey(ctx)
}

var sameReason = cmp.Comparer(func(a, b tend.Reason) bool { return a.Text == b.Text })

// lifeOf is what is told of a service that lives so, is restarted, suspended, called back
// and stopped, each at a time at which nothing else happens.
func lifeOf(t *testing.T, spec tend.Spec, child tend.Child, isLatent bool, way func(context.Context, int) error) (told []tend.Event) {
	bubble(t, func(t *testing.T) {
		run := 0
		var svc tend.Service = tend.Func("a", func(ctx context.Context) error { run++; return way(ctx, run) })
		if isLatent {
			svc = newLatent(svc)
		}
		child.Service = svc
		spec.Jitter = -1
		s, tape, _ := serve(t, spec)
		tok := s.Add(child)
		time.Sleep(10*time.Second + time.Millisecond)
		_ = s.Restart(tok, nil)
		time.Sleep(10 * time.Second)
		_ = s.Restart(tok, errors.New("because"))
		time.Sleep(10 * time.Second)
		_ = s.Suspend(tok)
		time.Sleep(10 * time.Minute)
		_ = s.Restart(tok, nil)
		time.Sleep(1500 * time.Millisecond)
		s.Stop()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		told = tape.Events()
	})
	return told
}

// TestWhatALatentServiceIsTold: what is to become of it, and whether its stop is final.
func TestWhatALatentServiceIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		boom := errors.New("boom")
		fail, run := make(chan error), uint64(0)
		svc := newLatent(tend.Func("a", func(ctx context.Context) error {
			select {
			case err := <-fail:
				return err
			case <-ctx.Done():
				return nil
			}
		}))
		s, _, done := serve(t, tend.Spec{FailureThreshold: 0.5})
		tok := s.Add(svc)
		expect := func(what string, want ...latent.Settled) {
			t.Helper()
			synctest.Wait()
			for i := range want {
				want[i].Failed = want[i].Err == boom
				want[i].Run = run
			}
			if d := cmp.Diff(want, svc.told(), cmpopts.EquateErrors()); d != "" {
				t.Errorf("%s: %s", what, d)
			}
		}
		expect("launched")
		run = 1
		_ = s.Restart(tok, nil)
		expect("restarted", latent.Settled{Fate: latent.Again, Err: tend.ErrRestartRequested})
		run = 2
		fail <- boom
		expect("in a pause", latent.Settled{Fate: latent.Again, Err: boom})
		_ = s.Suspend(tok)
		expect("suspended in it", latent.Settled{Fate: latent.Kept, Err: tend.ErrSuspended})
		_ = s.Restart(tok, nil)
		expect("called back", latent.Settled{Fate: latent.Again})
		run = 3
		s.Stop()
		<-done
		expect("stopped", latent.Settled{Fate: latent.Over}, latent.Settled{Fate: latent.Over})
		_ = s.Remove(tok)
		expect("removed", latent.Settled{Fate: latent.Gone, Err: tend.ErrRemoved})
		by := time.Now().Add(10 * time.Second) // nothing has taken any time
		want := []latent.Stop{{Cause: tend.ErrRestartRequested, By: by}, {Cause: tend.ErrStopped, Final: true, By: by}}
		if d := cmp.Diff(want, svc.stops, cmpopts.EquateErrors(), cmpopts.EquateApproxTime(0)); d != "" {
			t.Error(d)
		}
	})
}

// TestSettingsOfAKind: what the Child of a latent service leaves zero is that of its kind.
func TestSettingsOfAKind(t *testing.T) {
	kind := &tend.Child{Restart: tend.Temporary, Timeout: time.Minute}
	s := tend.New("root", tend.Spec{})
	for want, c := range map[tend.Restart]func(tend.Service) tend.Service{
		tend.Temporary: func(svc tend.Service) tend.Service { return tend.Child{Name: "named", Service: svc} },
		tend.Transient: func(svc tend.Service) tend.Service { return tend.Child{Restart: tend.Transient, Service: svc} },
	} {
		svc := newLatent(idle("a"))
		svc.settings = kind
		tok := s.Add(c(svc))
		if status, err := s.ServiceStatus(tok); err != nil || status.Restart != want {
			t.Errorf("%v, %+v", err, status)
		}
	}
	alone := newLatent(idle("b"))
	alone.settings = &tend.Child{Restart: tend.Temporary, Limit: tend.Limit{N: 3}} // and nothing of its own
	if status, err := s.ServiceStatus(s.Add(alone)); err != nil || status.Restart != tend.Temporary || status.Limit.N != 3 || status.Recent != 0 {
		t.Errorf("%v, %+v", err, status)
	}
}

// TestAnEmbeddedLatentService has a Serve around it that would be passed over.
func TestAnEmbeddedLatentService(t *testing.T) {
	bubble(t, func(t *testing.T) {
		inner := newLatent(idle("a"))
		s, _, _ := serve(t, tend.Spec{}, &around{latentService: inner})
		synctest.Wait()
		if status := s.Status().Services[0]; status.State != tend.StateRunning || inner.run != 0 {
			t.Errorf("it is %v, with %d latent runs", status.State, inner.run)
		}
	})
}

type around struct{ *latentService }

func (a *around) Serve(ctx context.Context) error { return a.latentService.Serve(ctx) }
