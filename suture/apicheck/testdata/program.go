// Program uses everything that v4 exports in the ways programs do. It is not run.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/thejerf/suture/v4"
)

// Services of several kinds.

type worker struct{ name string }

func (w *worker) Serve(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
func (w *worker) String() string                  { return w.name }

type serveFunc func(ctx context.Context) error

func (f serveFunc) Serve(ctx context.Context) error { return f(ctx) }

type old struct{ stop chan struct{} }

func (o old) Serve() { <-o.stop }
func (o old) Stop()  { close(o.stop) }

type fatal struct{ error }

func (fatal) Is(target error) bool { return target == suture.ErrTerminateSupervisorTree }

// Two ways to have a supervisor, and methods of what else is embedded, two levels
// down where those of the core would meet them.

type deep struct{}

func (deep) Stop()                  {}
func (deep) Start() error           { return nil }
func (deep) Status() string         { return "" }
func (deep) Events() []string       { return nil }
func (deep) Restart()               {}
func (deep) Suspend()               {}
func (deep) Path() string           { return "" }
func (deep) WaitReady()             {}
func (deep) UnstoppedServices() int { return 0 }

type middle struct{ deep }

type app struct {
	*suture.Supervisor
	middle
	tokens map[string]suture.ServiceToken
	last   *suture.ServiceToken
}

type holder struct{ inner *suture.Supervisor }

func (h *holder) Serve(ctx context.Context) error   { return <-h.inner.ServeBackground(ctx) }
func (h *holder) GetSupervisor() *suture.Supervisor { return h.inner }

type jitter time.Duration

func (j jitter) Jitter(d time.Duration) time.Duration { return d + time.Duration(j) }

type event struct{ suture.EventBackoff }

var (
	_ suture.Service           = (*worker)(nil)
	_ suture.Service           = (*suture.Supervisor)(nil)
	_ suture.Service           = app{}
	_ suture.HasSupervisor     = app{}
	_ suture.HasSupervisor     = (*holder)(nil)
	_ suture.HasSupervisor     = (*suture.Supervisor)(nil)
	_ suture.DeprecatedService = old{}
	_ suture.Jitter            = jitter(0)
	_ suture.Jitter            = suture.NoJitter{}
	_ suture.Jitter            = &suture.DefaultJitter{}
	_ suture.Event             = event{}
	_ fmt.Stringer             = (*suture.Supervisor)(nil)

	_ func(string, suture.Spec) *suture.Supervisor                       = suture.New
	_ func(string) *suture.Supervisor                                    = suture.NewSimple
	_ func(*suture.Supervisor, suture.ServiceToken, time.Duration) error = (*suture.Supervisor).RemoveAndWait
	_ func(*suture.Supervisor, suture.ServiceToken) error                = (*suture.Supervisor).Remove
	_ func(*suture.Supervisor) []suture.Service                          = (*suture.Supervisor).Services
	_ func(*suture.Supervisor) (suture.UnstoppedServiceReport, error)    = (*suture.Supervisor).UnstoppedServiceReport
	_ func(*suture.Supervisor, context.Context) <-chan error             = (*suture.Supervisor).ServeBackground
	_ func(context.Context) error                                        = new(suture.Supervisor).Serve
)

var spec = suture.Spec{
	EventHook:                func(e suture.Event) { log.Println(e, e.Map()) },
	Sprint:                   func(v interface{}) string { return fmt.Sprintf("%#v", v) },
	FailureDecay:             60,
	FailureThreshold:         10.5,
	FailureBackoff:           2 * time.Second,
	BackoffJitter:            jitter(1),
	Timeout:                  10 * time.Second,
	PassThroughPanics:        true,
	DontPropagateTermination: false,
}

var unkeyed = suture.Spec{spec.EventHook, spec.Sprint, 1, 2, 3, suture.NoJitter{}, 4, false, true}

func hook(prev *suture.EventServiceTerminate) suture.EventHook {
	return func(e suture.Event) {
		switch e := e.(type) {
		case suture.EventStopTimeout:
			log.Println(e.Supervisor, e.SupervisorName, e.Service, e.ServiceName)
		case suture.EventServicePanic:
			log.Println(e.PanicMsg, e.Stacktrace, e.CurrentFailures/e.FailureThreshold, e.Restarting)
		case suture.EventServiceTerminate:
			if e.ServiceName == prev.ServiceName && e.Err == prev.Err {
				return
			}
			if err, ok := e.Err.(error); ok && errors.Is(err, suture.ErrDoNotRestart) {
				return
			}
			*prev = e
		case suture.EventBackoff, suture.EventResume:
			js, _ := json.Marshal(e)
			log.Println(string(js))
		default:
			log.Println(int(e.Type()))
		}
		switch e.Type() {
		case suture.EventTypeStopTimeout, suture.EventTypeServicePanic:
		case suture.EventTypeServiceTerminate:
			_ = e.(suture.EventServiceTerminate).Restarting
		case suture.EventTypeBackoff, suture.EventTypeResume:
		}
	}
}

var typeNames = [...]string{
	suture.EventTypeStopTimeout:      "stop timeout",
	suture.EventTypeServicePanic:     "panic",
	suture.EventTypeServiceTerminate: "terminate",
	suture.EventTypeBackoff:          "backoff",
	suture.EventTypeResume:           "resume",
}

func events(s *suture.Supervisor, svc suture.Service) []suture.Event {
	return []suture.Event{
		suture.EventStopTimeout{s, s.Name, svc, "svc"},
		suture.EventServicePanic{s, s.Name, svc, "svc", 1, 5, true, "message", "stack"},
		suture.EventServiceTerminate{s, s.Name, svc, "svc", 1, 5, true, nil},
		suture.EventBackoff{s, s.Name},
		suture.EventResume{s, s.Name},
	}
}

func remove(s *suture.Supervisor, token suture.ServiceToken) error {
	if token == (suture.ServiceToken{}) {
		return nil
	}
	switch err := s.RemoveAndWait(token, 5*time.Second); err {
	case suture.ErrTimeout, suture.ErrWrongSupervisor:
		return err
	case suture.ErrSupervisorNotRunning, suture.ErrSupervisorNotStarted, suture.ErrSupervisorNotTerminated:
		return nil
	}
	return s.Remove(token)
}

func report(s *suture.Supervisor) {
	unstopped, err := s.UnstoppedServiceReport()
	for _, u := range unstopped {
		log.Println(u.SupervisorPath[0].Name, u.Service, u.Name, u.ServiceToken, err)
	}
	_ = suture.UnstoppedServiceReport{{[]*suture.Supervisor{s}, &worker{}, "worker", suture.ServiceToken{}}}
}

func main() {
	root := suture.NewSimple("root")
	root.Name = "main"
	a := app{Supervisor: suture.New("app", spec), tokens: map[string]suture.ServiceToken{}}
	a.tokens["worker"] = a.Add(&worker{"worker"})
	token := a.Supervisor.Add(serveFunc(func(context.Context) error {
		return fmt.Errorf("done: %w", suture.ErrDoNotRestart)
	}))
	a.last = &token
	a.Add(suture.AsService(old{make(chan struct{})}))
	root.Add(a)
	root.Add(&holder{suture.New("inner", unkeyed)})
	a.Stop()
	_, _, _, _ = a.Start(), a.Status(), a.Events(), a.Path()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	result := root.ServeBackground(ctx)
	for _, s := range root.Services() {
		if has, ok := s.(suture.HasSupervisor); ok && has.GetSupervisor() != nil {
			log.Println(has.GetSupervisor().Services())
		}
	}
	_ = remove(root, token)
	cancel()
	if err := <-result; err == context.Canceled || errors.Is(err, suture.ErrTerminateSupervisorTree) {
		report(root)
	}
	var sprint suture.SprintFunc = func(v interface{}) string { return typeNames[0] }
	var prev suture.EventServiceTerminate
	for _, e := range events(root, a) {
		hook(&prev)(e)
		log.Println(sprint(e), fatal{errors.New("fatal")})
	}
}
