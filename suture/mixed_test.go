package suture_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/suture"
)

// This file holds how packages suture and tend go together.

func TestAddTakesAChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook})
		once := tend.Child{Service: returns("svc", nil), Name: "once", Restart: tend.Transient}
		child := suture.NewSimple("child")
		child.Add(returns("svc", errBoom))
		s.Add(once)
		s.Add(tend.Child{
			Service: &tend.Child{Service: returns("svc", errBoom), Backoff: tend.Backoff{Min: time.Second}},
			Name:    "own budget",
		})
		s.Add(tend.Child{Service: child, Name: "called so"})
		serve(t, s)
		want(t, "events", l.sorted(), []string{
			"0s child/svc failed: boom (1.00 of 5) restarting=true",
			"0s root/own budget failed: boom (1.00 of 0) restarting=false", // not at once
		})
		services := s.Services()
		want(t, "services", len(services), 3)
		same(t, "the first", services[0], once)
		wantPanic(t, "nil *Child", func() { s.Add((*tend.Child)(nil)) })
		wantPanic(t, "Service is nil", func() { s.Add(tend.Child{}) })
	})
}

// A supervisor of this package below one of the core is looked at from there.
func TestBelowTheCore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen, l := map[string]int{}, newLog()
		root := tend.New("root", tend.Spec{EventHook: func(e tend.Event) {
			if _, failed := e.(tend.ServiceFailed); failed {
				seen[e.From().Path()]++
			}
		}})
		s, child := suture.New("old", suture.Spec{EventHook: l.hook}), suture.NewSimple("child")
		root.Add(s)
		s.Add(child)
		runs := 0
		token := child.Add(counted("svc", &runs))
		child.Add(returns("fails", errBoom))
		var self string
		child.Add(&service{"self", func(ctx context.Context) error {
			status, _ := tend.Self(ctx)
			self = status.Path
			<-ctx.Done()
			return nil
		}})
		result := root.ServeBackground(t.Context())
		synctest.Wait()
		want(t, "Self", self, "root/old/child/self")
		want(t, "the core's events", seen, map[string]int{"root/old/child/fails": 1})
		want(t, "events", l.lines(), []string{"0s child/fails failed: boom (1.00 of 5) restarting=true"})
		same(t, "WaitReady", root.WaitReady(t.Context()), nil)
		same(t, "Restart", root.Restart(token, nil), nil)
		synctest.Wait()
		want(t, "runs", runs, 2)
		below := root.Status().Services[0].Supervisor.Services[0].Supervisor
		want(t, "services in Status", len(below.Services), 3)
		same(t, "Remove", root.Remove(token), nil)
		synctest.Wait()
		want(t, "services", len(child.Services()), 2)
		root.Stop()
		<-result
	})
}

// What somebody else has put into the core is told of as it was put there.
func TestServicesNamesWhatTheCoreWasGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s := suture.NewSimple("old")
		below := root.Add(s)
		replaced, stays := s.Add(idle("replaced")), idle("stays")
		s.Add(stays)
		result := root.ServeBackground(t.Context())
		synctest.Wait()
		core, err := root.Nested(below)
		same(t, "Nested", err, nil)
		by, added := idle("by"), tend.Child{Service: idle("added"), Timeout: time.Second}
		same(t, "Replace", root.Replace(replaced, by), nil)
		core.Add(added)
		synctest.Wait()
		want(t, "services", s.Services(), []suture.Service{by, stays, added}, identity)
		root.Stop()
		<-result
	})
}

// A supervisor of the core below one of this package tells its hook.
func TestAboveTheCore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook, Timeout: time.Second})
		mid := tend.New("mid", tend.Spec{FailureThreshold: 0.5, FailureBackoff: time.Second, Jitter: -1, Timeout: time.Second})
		leaf := suture.New("leaf", suture.Spec{EventHook: l.hook})
		s.Add(suture.NewSimple("m"))
		s.Add(mid)
		mid.Add(returns("svc", errBoom))
		mid.Add(leaf)
		leaf.Add(returns("deep", errBoom))
		release := make(chan struct{})
		mid.Add(hung("hung", release))
		stop := serve(t, s)
		want(t, "path", mid.Path(), "root/mid")
		time.Sleep(time.Minute)
		_ = stop()
		want(t, "events", l.sorted(), []string{
			"0s leaf/deep failed: boom (1.00 of 5) restarting=true",
			"0s mid backoff",
			"0s mid/svc failed: boom (1.00 of 0.5) restarting=false",
			"1s mid resume",
			"61s mid/hung stop timeout",
		})
		for _, e := range l.events {
			switch e := e.(type) {
			case suture.EventServiceTerminate:
				want(t, "supervisor of "+e.ServiceName, e.Supervisor == leaf, e.ServiceName == "deep")
				want(t, "service", e.Service != nil, true)
			case suture.EventBackoff:
				same(t, "nearest supervisor", e.Supervisor, s)
			}
		}
		report, _ := s.UnstoppedServiceReport()
		want(t, "report", len(report), 1)
		want(t, "name", report[0].Name, "hung")
		want(t, "service", fmt.Sprint(report[0].Service), "hung")
		want(t, "path", report[0].SupervisorPath, []*suture.Supervisor{s}, identity)
		close(release)
	})
}

// Package tend removes what is further below, and v4 does not: whoever has it, and also when
// it has left.
func TestRemoveRefusesWhatTheCoreHasBelow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, mid := suture.NewSimple("root"), tend.New("mid", tend.Spec{})
		s.Add(mid)
		leaf := suture.NewSimple("leaf")
		mid.Add(leaf)
		tokens := map[string]suture.ServiceToken{
			"of the core": mid.Add(idle("a")), "below that": leaf.Add(idle("b")), "that has left": leaf.Add(idle("c")),
		}
		serve(t, s)
		same(t, "RemoveAndWait", leaf.RemoveAndWait(tokens["that has left"], 0), nil)
		runtime.GC()
		for what, token := range tokens {
			same(t, "Remove of one "+what, s.Remove(token), suture.ErrWrongSupervisor)
			same(t, "RemoveAndWait of one "+what, s.RemoveAndWait(token, time.Second), suture.ErrWrongSupervisor)
		}
		synctest.Wait()
		want(t, "services", []int{len(mid.Services()), len(leaf.Services())}, []int{2, 1})
	})
}

// A name may hold what separates names in a path.
func TestNamesWithSlashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook, Timeout: time.Second})
		mid := tend.New("a/b", tend.Spec{FailureThreshold: 0.5, FailureBackoff: time.Second, Jitter: -1, Timeout: time.Second})
		s.Add(suture.NewSimple("a"))
		s.Add(mid)
		below := suture.New("100%/c", suture.Spec{EventHook: l.hook, Timeout: time.Second})
		mid.Add(below)
		release := make(chan struct{})
		svc := hung("d/e", release)
		token := below.Add(svc)
		mid.Add(returns("f/g", errBoom))
		stop := serve(t, s)
		time.Sleep(time.Minute)
		_ = stop()
		want(t, "events", l.lines(), []string{
			"0s a/b/f/g failed: boom (1.00 of 0.5) restarting=false",
			"0s a/b backoff",
			"1s a/b resume",
			"61s 100%/c/d/e stop timeout",
		})
		same(t, "service", last[suture.EventStopTimeout](t, l).Service, svc)
		report, _ := s.UnstoppedServiceReport()
		want(t, "report", report,
			suture.UnstoppedServiceReport{{[]*suture.Supervisor{s, below}, svc, "d/e", token}}, identity)
		close(release)
	})
}

// A whole tree is ready when the leaves are, also where that is known from what
// a service has and not only from what it serves.
func TestReadinessGoesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		child := suture.NewSimple("child")
		child.Add(tend.Child{ReadyTimeout: time.Hour, Service: &service{"slow", func(ctx context.Context) error {
			time.Sleep(time.Minute)
			tend.Ready(ctx)
			<-ctx.Done()
			return nil
		}}})
		s := suture.NewSimple("root")
		s.Add(embeds{child})
		top := tend.New("top", tend.Spec{EventHook: func(tend.Event) {}})
		top.Add(embeds{s})
		result := top.ServeBackground(t.Context())
		began := time.Now()
		same(t, "WaitReady", top.WaitReady(t.Context()), nil)
		want(t, "ready after", time.Since(began), time.Minute)
		top.Stop()
		<-result
	})
}

// What v4 does not mind: a service that refers to a supervisor that is above or
// elsewhere, a supervisor that comes back.
func TestOddFamilies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		root, child := suture.New("root", suture.Spec{EventHook: l.hook}), suture.NewSimple("child")
		child.Add(returns("svc", errBoom))
		token := root.Add(child)
		var runs [4]int
		root.Add(&has{*counted("refers up", &runs[0]), root})
		child.Add(&has{*counted("refers further up", &runs[1]), root})
		root.Add(&has{*counted("refers elsewhere", &runs[2]), child})
		root.Add(&has{*counted("refers to nothing that was made", &runs[3]), &suture.Supervisor{}})
		same(t, "Remove", root.Remove(suture.ServiceToken{}), suture.ErrWrongSupervisor)
		serve(t, root)
		want(t, "runs", runs, [4]int{1, 1, 1, 1})
		want(t, "events", l.lines(), []string{"0s child/svc failed: boom (1.00 of 5) restarting=true"})

		for range 3 {
			same(t, "RemoveAndWait", root.RemoveAndWait(token, 0), nil)
			token = root.Add(child)
			synctest.Wait()
			want(t, "services", len(child.Services()), 2)
		}
		same(t, "RemoveAndWait", root.RemoveAndWait(token, 0), nil)
		stop := serve(t, child) // alone, and still with the hook of root
		child.Add(returns("late", errBoom))
		want(t, "events", l.lines()[1:], []string{"0s child/late failed: boom (1.00 of 5) restarting=true"})
		_ = stop()
		token = root.Add(child)
		child.Add(returns("later", errBoom))
		want(t, "events", l.lines()[2:], []string{"0s child/later failed: boom (1.00 of 5) restarting=true"})
		same(t, "RemoveAndWait", root.RemoveAndWait(token, 0), nil)
	})
}

// Two supervisors with the same name, in the same place.
func TestNamesakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		root := suture.New("root", suture.Spec{EventHook: l.hook})
		supervisors := map[string]*suture.Supervisor{}
		for _, name := range []string{"a", "b", "c"} {
			s := suture.NewSimple("twin")
			s.Add(returns(name, errBoom))
			root.Add(s)
			supervisors[name] = s
		}
		deep := suture.New("deep", suture.Spec{FailureThreshold: 0.5})
		supervisors["b"].Add(deep)
		deep.Add(returns("d", errBoom))
		supervisors["d"] = deep
		serve(t, root)
		want(t, "events", len(l.lines()), 5)
		for _, e := range l.events {
			switch e := e.(type) {
			case suture.EventServiceTerminate:
				same(t, "supervisor of "+e.ServiceName, e.Supervisor, supervisors[e.ServiceName])
			case suture.EventBackoff:
				same(t, "supervisor that pauses", e.Supervisor, deep)
			}
		}
	})
}

// Services that come and go are forgotten, but not before their last event.
func TestEventsOfManyServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook, FailureThreshold: 1e9})
		serve(t, s)
		release := make(chan struct{})
		late := hung("late", release)
		same(t, "Remove", s.Remove(s.Add(late)), nil)
		for range 1000 {
			svc := returns("svc", errBoom, suture.ErrDoNotRestart)
			s.Add(svc)
			same(t, "service", last[suture.EventServiceTerminate](t, l).Service, svc)
		}
		want(t, "services", s.Services(), []suture.Service{})
		time.Sleep(time.Minute)
		same(t, "service", last[suture.EventStopTimeout](t, l).Service, late)
		close(release)
	})
}

// Their memory is free then, and that of supervisors that one makes for itself, or has
// removed.
func TestWhatLeftIsFreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := suture.New("root", suture.Spec{EventHook: func(suture.Event) {}, FailureThreshold: 1e9})
		serve(t, s)
		const many = 1000
		var services []weak.Pointer[service]
		for i := range many {
			svc := returns("svc", suture.ErrDoNotRestart)
			if i%2 == 0 {
				svc = idle("svc")
			}
			services = append(services, weak.Make(svc))
			same(t, "RemoveAndWait", s.RemoveAndWait(s.Add(svc), 0), nil)
		}
		var supervisors []weak.Pointer[suture.Supervisor]
		for range many {
			child := suture.NewSimple("child")
			child.Add(idle("svc"))
			supervisors = append(supervisors, weak.Make(child))
			same(t, "RemoveAndWait", s.RemoveAndWait(s.Add(child), 0), nil)
		}
		var inners []weak.Pointer[suture.Supervisor]
		s.Add(&service{"has a new one each time", func(ctx context.Context) error {
			if len(inners) == many {
				<-ctx.Done()
				return nil
			}
			inner := suture.NewSimple("inner")
			inners = append(inners, weak.Make(inner))
			inner.Add(returns("svc", suture.ErrTerminateSupervisorTree))
			_ = inner.Serve(ctx)
			time.Sleep(time.Second) // so that the hook keeps up
			return errBoom
		}})
		time.Sleep(time.Hour)
		synctest.Wait()
		runtime.GC()
		want(t, "kept", []int{kept(services), kept(supervisors), kept(inners)}, []int{0, 0, 0})
		want(t, "supervisors", len(inners), many)
	})
}

// But not before a hook that is slow has heard of their end.
func TestEventsUnderWayNameWhatLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, told := make(chan struct{}), map[string]bool{}
		s := suture.New("root", suture.Spec{EventHook: func(e suture.Event) {
			<-release
			switch e := e.(type) {
			case suture.EventServicePanic:
				_, is := e.Service.(*service)
				told[e.Supervisor.Name+"/"+e.ServiceName] = is
			case suture.EventServiceTerminate:
				_, is := e.Service.(*service)
				told[e.Supervisor.Name+"/"+e.ServiceName] = is
			case suture.EventBackoff:
				told[e.SupervisorName] = e.Supervisor.Name == "child"
			}
		}})
		serve(t, s)
		for i := range 100 {
			svc := &service{fmt.Sprint(i), func(ctx context.Context) error { <-ctx.Done(); panic(errBoom) }}
			same(t, "RemoveAndWait", s.RemoveAndWait(s.Add(svc), 0), nil)
		}
		s.Add(&service{"has one", func(ctx context.Context) error {
			inner := suture.New("inner", suture.Spec{EventHook: func(suture.Event) {}})
			inner.Add(returns("fails", errBoom, suture.ErrTerminateSupervisorTree))
			_ = inner.Serve(ctx)
			return suture.ErrDoNotRestart
		}})
		child := suture.New("child", suture.Spec{FailureThreshold: 0.5})
		child.Add(returns("fails", errBoom))
		token := s.Add(child)
		synctest.Wait()
		same(t, "RemoveAndWait", s.RemoveAndWait(token, 0), nil)
		child = nil
		for range 3 {
			runtime.GC()
		}
		close(release)
		synctest.Wait()
		named := 0
		for _, is := range told {
			if is {
				named++
			}
		}
		want(t, "told", len(told), 102) // the hook of inner is its own
		want(t, "named", named, len(told))
	})
}

func kept[T any](pointers []weak.Pointer[T]) (kept int) {
	for _, p := range pointers {
		if p.Value() != nil {
			kept++
		}
	}
	return kept
}
