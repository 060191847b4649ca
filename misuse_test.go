package tend_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// TestMisuse: a clear panic at the call that is wrong, and nothing changed.
func TestMisuse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{}, idle("a"))
		sub, other := tend.New("sub", tend.Spec{}), tend.New("other", tend.Spec{})
		s.Add(sub)
		var nilSupervisor *tend.Supervisor
		child := func(c tend.Child) func() {
			return func() {
				c.Service, c.Name = idle("x"), "x"
				s.Add(c)
			}
		}
		spec := func(spec tend.Spec) func() { return func() { tend.New("x", spec) } }
		for text, f := range map[string]func(){
			`supervisor "root": Add of a nil Service`:                                     func() { s.Add(nil) },
			`Child "c": Service is nil`:                                                   func() { s.Add(tend.Child{Name: "c"}) },
			`Add of a nil *Child`:                                                         func() { s.Add((*tend.Child)(nil)) },
			`Func "f": the function is nil`:                                               func() { tend.Func("f", nil) },
			`Go: the function is nil`:                                                     func() { tend.Go(t.Context(), nil) },
			`the Supervisor is nil`:                                                       func() { s.Add(nilSupervisor) },
			`tend: the Supervisor is nil`:                                                 func() { nilSupervisor.Stop() },
			`zero Supervisor; make one with New`:                                          func() { new(tend.Supervisor).Status() },
			`tend: WaitState: there is no state 200`:                                      func() { _ = s.WaitState(t.Context(), s.Status().Services[0].Token, 200) },
			`tend: zero Supervisor`:                                                       func() { s.Add(new(tend.Supervisor)) },
			`tend: zero Supervisor; make`:                                                 func() { new(tend.Supervisor).Events(t.Context()) },
			`tend: zero Supervisor; make one`:                                             func() { _ = new(tend.Supervisor).Serve(t.Context()) },
			`supervisor "root": Serve with a nil context`:                                 func() { _ = s.Serve(nil) }, //nolint:staticcheck // what is tested
			`supervisor "root" is being added below itself`:                               func() { sub.Add(s) },
			`supervisor "other" is being added below itself`:                              func() { other.Add(other) },
			`supervisor "sub" is being added to "other" but is already below "root"`:      func() { other.Add(sub) },
			`supervisor "sub" is being added to "root" but is already below "root"`:       func() { s.Add(sub) },
			`supervisor "sub" is being added to "other" but is already`:                   func() { other.Add(struct{ *tend.Supervisor }{sub}) },
			`Child "x": Timeout is -1ns`:                                                  child(tend.Child{Timeout: -1}),
			`Child "x": ReadyTimeout is -1s`:                                              child(tend.Child{ReadyTimeout: -time.Second}),
			`Child "x": Watchdog is set on a supervisor, for which nobody can call Alive`: func() { s.Add(tend.Child{Name: "x", Service: tend.New("y", tend.Spec{}), Watchdog: 1}) },
			`Child "x": Watchdog is -1ns`:                                                 child(tend.Child{Watchdog: -1}),
			`Child "x": Restart is tend.Restart(9)`:                                       child(tend.Child{Restart: 9}),
			`Child "x": tend: Backoff.Min is -1ns`:                                        child(tend.Child{Backoff: tend.Backoff{Min: -1}}),
			`Child "x": tend: Backoff.Max is -1ns`:                                        child(tend.Child{Backoff: tend.Backoff{Max: -1}}),
			`Child "x": tend: Backoff.Max is 1ns, less than Min 2ns`:                      child(tend.Child{Backoff: tend.Backoff{Min: 2, Max: 1}}),
			`Child "x": tend: Backoff.Jitter is NaN`:                                      child(tend.Child{Backoff: tend.Backoff{Jitter: math.NaN()}}),
			`Child "x": tend: Backoff.Reset is -1ns`:                                      child(tend.Child{Backoff: tend.Backoff{Reset: -1}}),
			`Child "x": tend: Limit.N is -1`:                                              child(tend.Child{Limit: tend.Limit{N: -1}}),
			`Child "x": tend: Limit.Within is -1ns`:                                       child(tend.Child{Limit: tend.Limit{N: 1, Within: -1}}),
			`Child "x": tend: Limit.Within is 1h0m0s, without N`:                          child(tend.Child{Limit: tend.Limit{Within: time.Hour}}),
			`Child "x": tend: Backoff.Jitter is 20`:                                       child(tend.Child{Backoff: tend.Backoff{Jitter: 20}}),
			`supervisor "x": Spec.Jitter is 1.5`:                                          spec(tend.Spec{Jitter: 1.5}),
			`supervisor "x": Spec.Jitter is NaN`:                                          spec(tend.Spec{Jitter: math.NaN()}),
			`supervisor "x": Spec.FailureDecay is negative: -1ns`:                         spec(tend.Spec{FailureDecay: -1}),
			`supervisor "x": Spec.FailureBackoff is negative: -1ns`:                       spec(tend.Spec{FailureBackoff: -1}),
			`supervisor "x": Spec.MaxFailureBackoff is negative: -1ns`:                    spec(tend.Spec{MaxFailureBackoff: -1}),
			`supervisor "x": Spec.MaxFailureBackoff is 1s, less than FailureBackoff 15s`:  spec(tend.Spec{MaxFailureBackoff: time.Second}),
			`supervisor "x": Spec.Timeout is negative: -1ns`:                              spec(tend.Spec{Timeout: -1}),
			`supervisor "x": Spec.StopWithin is negative: -1ns`:                           spec(tend.Spec{StopWithin: -1}),
			`supervisor "x": Spec.MaxServices is negative: -1`:                            spec(tend.Spec{MaxServices: -1}),
			`supervisor "x": Spec.FailureThreshold is NaN`:                                spec(tend.Spec{FailureThreshold: math.NaN()}),
			`supervisor "x": Spec.FailureThreshold is -1`:                                 spec(tend.Spec{FailureThreshold: -1}),
			`supervisor "x": Spec.FailureThreshold is +Inf`:                               spec(tend.Spec{FailureThreshold: math.Inf(1)}),
			`supervisor "x": Spec.Strategy is tend.Strategy(7)`:                           spec(tend.Spec{Strategy: 7}),
		} {
			wantPanic(t, text, f)
		}
		wantStates(t, s, "a running, sub running")
		wantStates(t, other, "")
	})
}

// TestWrongSupervisor: an error where the token is of another tree.
func TestWrongSupervisor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{})
		below := sub.Add(idle("below"))
		s, _, _ := serve(t, tend.Spec{}, sub)
		foreign := tend.New("foreign", tend.Spec{}).Add(idle("b"))
		own := s.Status().Services[0].Token
		for name, try := range map[string]func(*tend.Supervisor, tend.ServiceToken) error{
			"Remove":        (*tend.Supervisor).Remove,
			"RemoveAndWait": func(s *tend.Supervisor, tok tend.ServiceToken) error { return s.RemoveAndWait(t.Context(), tok) },
			"Restart":       func(s *tend.Supervisor, tok tend.ServiceToken) error { return s.Restart(tok, nil) },
			"Suspend":       (*tend.Supervisor).Suspend,
			"ServiceStatus": func(s *tend.Supervisor, tok tend.ServiceToken) error { _, err := s.ServiceStatus(tok); return err },
			"WaitState": func(s *tend.Supervisor, tok tend.ServiceToken) error {
				return s.WaitState(t.Context(), tok, tend.StateGone)
			},
		} {
			for _, err := range []error{try(s, tend.ServiceToken{}), try(s, foreign), try(sub, own)} {
				if !errors.Is(err, tend.ErrWrongSupervisor) {
					t.Errorf("%s returns %v", name, err)
				}
			}
		}
		// From above a service further down can be reached.
		if err := s.Suspend(below); err != nil {
			t.Error(err)
		}
		wantStates(t, sub, "below suspended")
	})
}

// TestSecondParentAfterRemoval: a supervisor that was removed can go elsewhere.
func TestSecondParentAfterRemoval(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{})
		s, _, _ := serve(t, tend.Spec{MaxServices: 1}, idle("a"))
		if tok := s.Add(sub); tok != (tend.ServiceToken{}) { // refused, and so still free
			t.Errorf("token %v", tok)
		}
		first := tend.New("first", tend.Spec{})
		tok := first.Add(sub)
		if err := first.Remove(tok); err != nil {
			t.Error(err)
		}
		tend.New("second", tend.Spec{}).Add(sub)
	})
}

func TestContextHelpersOutsideOfASupervisor(t *testing.T) {
	ctx := t.Context()
	tend.Ready(ctx)
	tend.Alive(ctx)
	tend.Annotate(ctx)
	if _, ok := tend.Self(ctx); ok {
		t.Error("Self says that this is a service")
	}
	ran := make(chan context.Context)
	tend.Go(ctx, func(ctx context.Context) error { ran <- ctx; return errBoom })
	if <-ran != ctx {
		t.Error("the helper got another context")
	}
}

// TestStartThatWouldWaitForItself is refused, and nothing is added; Add does not wait,
// and is not.
func TestStartThatWouldWaitForItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var s *tend.Supervisor
		answers := make(chan error, 1)
		starter := tend.Child{ReadyTimeout: time.Hour, Service: tend.Func("starter", func(ctx context.Context) error {
			tok, err := s.Start(ctx, idle("helper"))
			if tok != (tend.ServiceToken{}) {
				t.Error("there is a token")
			}
			answers <- err
			s.Add(idle("later"))
			tend.Ready(ctx)
			<-ctx.Done()
			return nil
		})}
		s = tend.New("root", tend.Spec{Ordered: true, EventHook: func(tend.Event) {}})
		s.Add(starter)
		done := s.ServeBackground(t.Context())
		if err := <-answers; err == nil || err.Error() != "tend: a service that is starting cannot wait for one that starts after it" {
			t.Error(err)
		}
		wantStates(t, s, "starter running, later running")
		s.Stop()
		<-done
	})
}

// TestStartThatWaitsForAnother is none of that: who runs holds up nobody, nor does who
// starts without an order.
func TestStartThatWaitsForAnother(t *testing.T) {
	for _, c := range []struct {
		ordered bool
		ready   time.Duration
	}{{true, 0}, {false, time.Hour}} {
		bubble(t, func(t *testing.T) {
			var s *tend.Supervisor
			answers := make(chan error, 1)
			s = tend.New("root", tend.Spec{Ordered: c.ordered, EventHook: func(tend.Event) {}})
			s.Add(tend.Child{ReadyTimeout: c.ready, Service: tend.Func("starter", func(ctx context.Context) error {
				_, err := s.Start(ctx, idle("helper"))
				answers <- err
				<-ctx.Done()
				return nil
			})})
			done := s.ServeBackground(t.Context())
			if err := <-answers; err != nil {
				t.Errorf("ordered %v: %v", c.ordered, err)
			}
			s.Stop()
			<-done
		})
	}
}

// TestAServiceThatReturnsErrTooManyServices was added all the same.
func TestAServiceThatReturnsErrTooManyServices(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{})
		tok, err := s.Start(t.Context(), tend.Child{
			Service: tendtest.Failing("a", tend.ErrTooManyServices), ReadyTimeout: time.Second, Limit: tend.Limit{N: 1},
		})
		wantError(t, err, tend.ErrTooManyServices)
		if tok == (tend.ServiceToken{}) {
			t.Error("there is no token")
		}
		wantStates(t, s, "a failed")
	})
}

// TestWhatHasLeftIsNotWaitedFor: it has left, even if the time for that is over too. It is
// tried often, as select takes either.
func TestWhatHasLeftIsNotWaitedFor(t *testing.T) {
	s := tend.New("root", tend.Spec{})
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		if err := s.RemoveAndWait(over, s.Add(idle("a"))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNobodyWaitsForItsOwnEnd: its context ends when it is removed, and says so.
func TestNobodyWaitsForItsOwnEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := tend.New("root", tend.Spec{})
		var told error
		s.Add(tend.Func("a", func(ctx context.Context) error {
			self, _ := tend.Self(ctx)
			told = s.RemoveAndWait(ctx, self.Token)
			return nil
		}))
		done := s.ServeBackground(t.Context())
		synctest.Wait()
		wantError(t, told, tend.ErrRemoved)
		wantStates(t, s, "")
		s.Stop()
		<-done
	})
}

// TestReadyInVainIsTold where others should have waited for it, once for each run. Who
// says it at once has not been missed.
func TestReadyInVainIsTold(t *testing.T) {
	const most = 100 * time.Millisecond
	told := []string{`100ms root/a service also failed err="tend: Ready was called, but there is no Child.ReadyTimeout, so the services after it have not waited"`}
	for name, c := range map[string]struct {
		ordered      bool
		takes, ready time.Duration
		want         []string
	}{
		"ordered":                {true, most, 0, told},
		"ordered, at once":       {true, most - 1, 0, nil},
		"ordered, with a time":   {true, most, time.Second, nil},
		"unordered":              {false, most, 0, nil},
		"unordered, with a time": {false, most, time.Second, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, p, done := serve(t, tend.Spec{Ordered: c.ordered}, tend.Child{ReadyTimeout: c.ready, Service: tend.Func("a", func(ctx context.Context) error {
					time.Sleep(c.takes)
					for range 3 {
						tend.Ready(ctx)
					}
					<-ctx.Done()
					tend.Ready(ctx)
					return nil
				})})
				time.Sleep(time.Second)
				s.Stop()
				<-done
				if diff := cmp.Diff(c.want, p.Lines(tend.ServiceAlsoFailed{}.Kind())); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestNamesOfServices: what is wrong with one is said of it by its name, also if that is
// that of its function or its type.
func TestNamesOfServices(t *testing.T) {
	s := tend.New("root", tend.Spec{})
	for name, svc := range map[string]tend.Service{
		"a":                                 idle("a"),
		"github.com/tend-go/tend_test.obey": tend.Func("", obey),
		"*tend_test.ballast":                &ballast{},
	} {
		wantPanic(t, `Child "`+name+`": Timeout is -1ns`, func() { s.Add(tend.Child{Service: svc, Timeout: -1}) })
		s.Add(svc)
		services := s.Status().Services
		if got := services[len(services)-1].Name; got != name {
			t.Errorf("it is called %q, want %q", got, name)
		}
	}
}
