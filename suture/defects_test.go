package suture_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/suture"
)

// This file holds what v4.0.6 gets wrong, each as it is here. That a goroutine
// is left behind is what synctest finds by itself when a bubble ends.

// v4: the loop hands the answer to a caller that has left, and is deaf.
func TestRemoveAndWaitForWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := suture.NewSimple("root")
		serve(t, s)
		token := s.Add(idle("svc"))
		same(t, "first", s.RemoveAndWait(token, 0), nil)
		for range 1000 {
			same(t, "again", s.RemoveAndWait(token, 1), nil)
		}
		want(t, "services", s.Services(), []suture.Service{})
	})
}

// v4: the hook runs on the loop and waits for the loop.
func TestHookCallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs, told := 0, 0
		var s *suture.Supervisor
		s = suture.New("root", suture.Spec{Timeout: time.Second, EventHook: func(e suture.Event) {
			told++
			added, removed := s.Add(counted("added", &runs)), s.Add(idle("removed"))
			same(t, "Remove", s.Remove(removed), nil)
			same(t, "RemoveAndWait", s.RemoveAndWait(added, time.Second), nil)
			want(t, "services", len(s.Services()) > 0, true)
		}})
		release := make(chan struct{})
		token := s.Add(hung("hung", release))
		s.Add(returns("svc", errBoom))
		stop := serve(t, s)
		want(t, "runs", runs, 1)
		same(t, "Remove", s.Remove(token), nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		want(t, "told of", told, 2) // the failure, the stop timeout
		same(t, "Serve", stop(), context.Canceled)
		close(release)
	})
}

// v4: so does a hook that blocks; one that panics ends the supervisor.
func TestHookBlocksOrPanics(t *testing.T) {
	for name, hook := range map[string]suture.EventHook{
		"blocks": func(suture.Event) { select {} },
		"panics": func(suture.Event) { panic("hook") },
		"exits":  func(suture.Event) { runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			s := suture.New("root", suture.Spec{EventHook: hook})
			done := make(chan struct{})
			s.Add(returns("svc", errBoom, errBoom))
			s.Add(&service{"other", func(context.Context) error { close(done); return suture.ErrDoNotRestart }})
			result := s.ServeBackground(ctx)
			<-done
			s.Add(returns("last", suture.ErrTerminateSupervisorTree))
			same(t, "Serve", <-result, suture.ErrTerminateSupervisorTree)
			cancel()
		})
	}
}

// v4: the services are gone, and then it closes a closed channel.
func TestServeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, child := suture.NewSimple("root"), suture.NewSimple("child")
		a, b := 0, 0
		s.Add(counted("a", &a))
		s.Add(child)
		child.Add(counted("b", &b))
		for i := range 3 {
			stop := serve(t, s)
			want(t, "runs", []int{a, b}, []int{i + 1, i + 1})
			want(t, "services", len(s.Services()), 2)
			same(t, "Serve", stop(), context.Canceled)
		}
	})
}

// v4: a child that comes back has nothing to do, and dies of that.
func TestChildThatFailsKeepsItsServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		root := suture.New("root", suture.Spec{EventHook: l.hook})
		child := suture.NewSimple("child")
		runs, added := 0, 0
		token := child.Add(counted("svc", &runs))
		between := func() { child.Add(counted("added", &added)) }
		fail := make(chan struct{})
		root.Add(&has{service{"child", func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			result := child.ServeBackground(ctx)
			select {
			case <-fail:
				cancel()
				same(t, "Serve of the child", <-result, context.Canceled)
				between()
				return errBoom
			case err := <-result:
				return err
			}
		}}, child})
		serve(t, root)
		fail <- struct{}{}
		synctest.Wait()
		want(t, "runs", []int{runs, added}, []int{2, 1})
		want(t, "services", len(child.Services()), 2)
		want(t, "events", l.lines(), []string{"0s root/child failed: boom (1.00 of 5) restarting=true"})
		same(t, "RemoveAndWait", child.RemoveAndWait(token, time.Second), nil)
		want(t, "services", len(child.Services()), 1)
	})
}

// v4: each failure in a pause begins the pause anew and tells of it again.
func TestOnePauseIsOnePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{
			EventHook: l.hook, FailureThreshold: 0.5, FailureBackoff: 10 * time.Second, BackoffJitter: suture.NoJitter{},
		})
		after := func(name string, d time.Duration) {
			done := false
			s.Add(&service{name, func(ctx context.Context) error {
				if !done {
					done = true
					time.Sleep(d)
					return errBoom
				}
				<-ctx.Done()
				return nil
			}})
		}
		after("a", time.Second)
		after("b", 4*time.Second)
		after("c", 10*time.Second)
		serve(t, s)
		time.Sleep(time.Hour)
		var lines []string
		for _, l := range l.lines() {
			if !strings.Contains(l, "failed") {
				lines = append(lines, l)
			}
		}
		want(t, "pauses", lines, []string{"1s root backoff", "11s root resume"})
		want(t, "failures", len(l.lines()), 5)
	})
}

// v4: reports itself only, and nothing that was removed.
func TestReportIsOfTheWholeTree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		spec := suture.Spec{EventHook: l.hook, Timeout: time.Second}
		root, child, deep := suture.New("root", spec), suture.New("child", spec), suture.New("deep", spec)
		// A service that does not say that it serves a supervisor is one like any other:
		// what is below it is to be quicker than it has to be.
		inner := suture.New("inner", suture.Spec{EventHook: newLog().hook, Timeout: time.Second / 2})
		release := make(chan struct{})
		removed, leaf, hidden := hung("removed", release), hung("leaf", release), hung("hidden", release)
		token := root.Add(removed)
		root.Add(child)
		child.Add(deep)
		child.Add(idle("idle"))
		leafToken := deep.Add(leaf)
		root.Add(&service{"hides", inner.Serve})
		hiddenToken := inner.Add(hidden)
		stop := serve(t, root)
		same(t, "Remove", root.Remove(token), nil)
		time.Sleep(time.Minute)
		_ = stop()
		got, err := root.UnstoppedServiceReport()
		same(t, "error", err, nil)
		byName := map[string]suture.UnstoppedService{}
		for _, u := range got {
			byName[u.Name] = u
		}
		want(t, "report", byName, map[string]suture.UnstoppedService{
			"removed": {[]*suture.Supervisor{root}, removed, "removed", token},
			"leaf":    {[]*suture.Supervisor{root, child, deep}, leaf, "leaf", leafToken},
			"hidden":  {[]*suture.Supervisor{root, inner}, hidden, "hidden", hiddenToken},
		}, identity)
		got, _ = child.UnstoppedServiceReport()
		want(t, "report of the child", got,
			suture.UnstoppedServiceReport{{[]*suture.Supervisor{child, deep}, leaf, "leaf", leafToken}}, identity)
		// v4 also takes every supervisor above for hung, the root first.
		want(t, "events", l.sorted(), []string{
			"1s root/removed stop timeout", "61s deep/leaf stop timeout",
		})
		close(release)
	})
}

// Also when the supervisor has moved on since the service hung.
func TestReportAfterAMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := suture.Spec{EventHook: newLog().hook, Timeout: time.Second}
		root, child, deep := suture.New("root", spec), suture.New("child", spec), suture.New("deep", spec)
		release := make(chan struct{})
		leaf := hung("leaf", release)
		token := root.Add(child)
		child.Add(deep)
		leafToken := deep.Add(leaf)
		serve(t, root)
		same(t, "RemoveAndWait", root.RemoveAndWait(token, 0), nil)
		_ = serve(t, child)()
		got, _ := child.UnstoppedServiceReport()
		want(t, "report", got,
			suture.UnstoppedServiceReport{{[]*suture.Supervisor{child, deep}, leaf, "leaf", leafToken}}, identity)
		close(release)
	})
}

// v4: waiters of a removal that timed out, and the services themselves, stay for
// ever when they come too late.
func TestNothingIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := suture.New("root", suture.Spec{EventHook: newLog().hook, Timeout: time.Second})
		stop := serve(t, s)
		release := make(chan struct{})
		for i := range 10 {
			token := s.Add(hung(fmt.Sprint(i), release))
			switch i % 3 {
			case 0:
				same(t, "RemoveAndWait", s.RemoveAndWait(token, time.Millisecond), suture.ErrTimeout)
			case 1:
				same(t, "Remove", s.Remove(token), nil)
			}
		}
		s.Add(&service{"panics late", func(context.Context) error { <-release; panic("late") }})
		synctest.Wait() // what is added at the very end is not started any more
		_ = stop()
		report, _ := s.UnstoppedServiceReport()
		want(t, "unstopped", len(report), 11)
		close(release)
	})
}

// A service that left late is not started before it has, and events about it
// name it still.
func TestLateEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook, Timeout: time.Second})
		release := make(chan struct{})
		token := s.Add(&service{"svc", func(context.Context) error { <-release; panic("late") }})
		serve(t, s)
		same(t, "RemoveAndWait", s.RemoveAndWait(token, 2*time.Second), suture.ErrTimeout)
		close(release)
		want(t, "events", l.lines(), []string{
			"1s root/svc stop timeout",
			"2s root/svc panicked: late (0.00 of 5) restarting=false",
		})
	})
}

// v4: an EventServiceTerminate without an error.
func TestGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook})
		exited := false
		s.Add(&service{"svc", func(ctx context.Context) error {
			if !exited {
				exited = true
				runtime.Goexit()
			}
			<-ctx.Done()
			return nil
		}})
		serve(t, s)
		e := last[suture.EventServiceTerminate](t, l)
		same(t, "Err", e.Err, tend.ErrGoexit)
		want(t, "restarting", e.Restarting, true)
	})
}

type secretive struct{ password string }

func (s *secretive) Serve(ctx context.Context) error {
	if s.password == "panic" {
		s.password = "hunter2"
		panic("boom")
	}
	if s.password == "hunter2" {
		s.password = "stuck"
		return errBoom
	}
	<-ctx.Done()
	time.Sleep(time.Minute) // longer than it may
	return nil
}

// v4: the name of a service without a String method is all that is in it, read
// without a lock; and EventStopTimeout prints even one that has such a method.
func TestNamesDoNotTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var texts []string
		s := suture.New("root", suture.Spec{Timeout: time.Second, EventHook: func(e suture.Event) {
			texts = append(texts, e.String())
		}})
		s.Add(&secretive{"panic"})
		s.Add(&struct{ secretive }{secretive{"hunter2"}})
		stop := serve(t, s)
		_ = stop()
		report, _ := s.UnstoppedServiceReport()
		for _, u := range report {
			texts = append(texts, u.Name)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		want(t, "texts", len(texts), 3+2+2) // failures, stop timeouts, names
		all := strings.Join(texts, "\n")
		for _, secret := range []string{"hunter2", "stuck", "password:"} {
			if strings.Contains(all, secret) {
				t.Errorf("%q is in\n%s", secret, all)
			}
		}
		want(t, "name", report[0].Name == "*suture_test.secretive" || report[1].Name == "*suture_test.secretive", true)
	})
}

type nameless struct{ *service }

func (nameless) String() int { return 0 } // is no Stringer

// In some programs all services are of one type, which has no name but that: in logs
// they are to be told apart.
func TestServicesOfOneTypeHaveNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var names []string
		s := suture.New("root", suture.Spec{EventHook: func(e suture.Event) {
			if e, is := e.(suture.EventServiceTerminate); is && !slices.Contains(names, e.ServiceName) {
				names = append(names, e.ServiceName)
			}
		}})
		other := suture.NewSimple("other")
		s.Add(other)
		for range 3 {
			s.Add(nameless{returns("", errBoom)})
		}
		s.Add(returns("named", errBoom))
		s.Add(returns("named", errBoom))
		other.Add(nameless{returns("", errBoom)})
		for range 2 {
			other.Add(suture.AsService(stops{func() {}, func() {}}))
		}
		serve(t, s)
		synctest.Wait()
		want(t, "names", names, []string{
			"named", "suture_test.nameless", "suture_test.nameless#2", "suture_test.nameless#3",
			"suture_test.stops", "suture_test.stops#2",
		}, anyOrder)
	})
}

type badName struct{ *service }

func (badName) String() string { panic("String") }

func TestNameThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook})
		s.Add(badName{returns("", errBoom)})
		serve(t, s)
		want(t, "name", last[suture.EventServiceTerminate](t, l).ServiceName, "suture_test.badName")
	})
}

type calling struct {
	*service
	s *suture.Supervisor
}

func (c calling) String() string {
	c.s.Services()
	_ = c.s.Remove(suture.ServiceToken{})
	return "calling"
}

func (c calling) GetSupervisor() *suture.Supervisor {
	c.s.Services()
	return nil
}

// v4: waits for itself when its lock is held or its loop asks.
func TestServiceThatCallsBackWhenAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook})
		s.Add(calling{returns("", errBoom), s})
		serve(t, s)
		want(t, "events", l.lines(), []string{"0s root/calling failed: boom (1.00 of 5) restarting=true"})
	})
}
