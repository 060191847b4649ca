package tendotel

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	api "go.opentelemetry.io/otel/trace"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/survey/surveytest"
	"github.com/tend-go/tend/internal/treepath"
	"github.com/tend-go/tend/tendtest"
)

// # How to read these tests
//
// A test builds a tree, lets something happen to it in virtual time, and compares
// all spans that have ended by then with lines such as
//
//	17s-27s tend.restart root/db#3 < tend.failure root/db#2 ~ tend.failure root/db#2
//	0s-4s tend.start root/late#1 (tend: service was not ready in time)
//	16s-19s tend.stop root/db/pool < tend.stop root/db
//
// which are made of
//
//	17s-27s       when it began and ended, counted from newTraced; an instant has the same twice
//	tend.restart  the name of the span: the comment of the package lists them
//	root/db#3     what it is about: the third run of service db in supervisor root
//	root/db/pool  without a number, the supervisor of that path as a whole
//	(…)           the description of its status, which only an error has
//	< …           its parent; without one it begins a trace
//	~ …           a span that it is linked to
//
// in the order in which they began. Of those that began together the ones without
// a parent come first, then those that ended sooner.
//
// Two things surprise: a service without a ReadyTimeout is ready at once and has no
// tend.start, and a nested supervisor starts as a service of the one above it
// (root/db#1) but stops as itself (root/db).
//
// To add a test, give each service a duration of its own, so that the times say
// who is meant; act at full seconds; and, if only the end matters, forget the
// spans before it with x.spans.Reset. A parent that is forgotten is a lone "<".

// traced is a tree whose spans a test reads. Its methods tell and want speak the
// language above.
type traced struct {
	t     *testing.T
	root  *tend.Supervisor
	spans *tracetest.InMemoryExporter
	began time.Time

	ctx    context.Context
	cancel context.CancelCauseFunc
	result <-chan error
}

func newTraced(t *testing.T, spec tend.Spec, o TraceOptions) *traced {
	x := &traced{t: t, spans: tracetest.NewInMemoryExporter(), began: time.Now()}
	o.Provider = trace.NewTracerProvider(trace.WithSyncer(x.spans))
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	spec.Jitter = -1
	x.root = New("root", spec, o)
	x.ctx, x.cancel = context.WithCancelCause(t.Context())
	return x
}

func (x *traced) serve() *traced {
	x.result = x.root.ServeBackground(x.ctx)
	return x
}

func (x *traced) stop() {
	x.cancel(errors.New("enough"))
	<-x.result
	synctest.Wait()
}

// tell renders the spans as lines. It fails if a span is in another trace than its
// parent, which a line does not show.
func (x *traced) tell() (lines []string) {
	stubs := x.spans.GetSpans()
	slices.SortStableFunc(stubs, func(a, b tracetest.SpanStub) int {
		first := map[bool]int{true: 1} // those without a parent come first
		return cmp.Or(a.StartTime.Compare(b.StartTime), first[a.Parent.IsValid()]-first[b.Parent.IsValid()], a.EndTime.Compare(b.EndTime))
	})
	known := map[api.SpanID]string{}
	for _, s := range stubs {
		known[s.SpanContext.SpanID()] = nameOf(s)
	}
	for _, s := range stubs {
		line := fmt.Sprintf("%v-%v %s", s.StartTime.Sub(x.began), s.EndTime.Sub(x.began), nameOf(s))
		if s.Status.Description != "" {
			line += " (" + s.Status.Description + ")"
		}
		if s.Parent.IsValid() {
			line += " < " + known[s.Parent.SpanID()]
			if s.Parent.TraceID() != s.SpanContext.TraceID() {
				x.t.Errorf("%s is in another trace than its parent", line)
			}
		}
		for _, l := range s.Links {
			line += " ~ " + known[l.SpanContext.SpanID()]
		}
		lines = append(lines, line)
	}
	return lines
}

// nameOf is how a line speaks of a span: "tend.restart root/db#3".
func nameOf(s tracetest.SpanStub) string {
	path := attr(s, "tend.supervisor.path")
	if service := attr(s, "tend.service.name"); service != "" {
		path = treepath.Join(path, service)
	}
	name := s.Name + " " + path
	if n := attr(s, "tend.service.incarnation"); n != "" {
		name += "#" + n
	}
	return name
}

// attr is an attribute as text, empty if there is none of that key.
func attr(s tracetest.SpanStub, key string) string {
	for _, a := range s.Attributes {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

func (x *traced) want(want ...string) {
	x.t.Helper()
	if diff := gocmp.Diff(want, x.tell()); diff != "" {
		x.t.Errorf("spans: -want +got\n%s", diff)
	}
}

// A service that fails, waits, starts and fails again leaves a chain. Its second
// run fails before it is ready.
func TestFailuresAndRestarts(t *testing.T) {
	const untilReady, untilFailure, delay = 2 * time.Second, 3 * time.Second, 10 * time.Second
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{}, TraceOptions{})
		runs := 0
		x.root.Add(tend.Child{
			Name: "db", ReadyTimeout: time.Minute, Backoff: tend.Backoff{Min: delay}, Limit: tend.Limit{N: 3},
			Service: tend.Func("db", func(ctx context.Context) error {
				runs++
				time.Sleep(untilReady)
				if runs == 2 {
					panic("ouch")
				}
				tend.Ready(ctx)
				time.Sleep(untilFailure)
				return io.EOF
			}),
		})
		x.serve()
		time.Sleep(time.Minute)
		x.cancel(nil)
		<-x.result
		synctest.Wait()
		x.want(
			"0s-2s tend.start root/db#1",
			"5s-5s tend.failure root/db#1 (EOF)",
			"5s-15s tend.restart root/db#2 < tend.failure root/db#1 ~ tend.failure root/db#1",
			"17s-17s tend.failure root/db#2 (panic: ouch) ~ tend.restart root/db#2",
			"17s-27s tend.restart root/db#3 < tend.failure root/db#2 ~ tend.failure root/db#2",
			"27s-29s tend.start root/db#3 < tend.restart root/db#3",
			"32s-32s tend.failure root/db#3 (EOF) ~ tend.restart root/db#3",
			"1m0s-1m0s tend.stop root",
		)
		failures := slices.DeleteFunc(x.spans.GetSpans(), func(s tracetest.SpanStub) bool { return s.Name != "tend.failure" })
		if got := attr(failures[0], "tend.delay") + " " + attr(failures[0], "tend.count") + " " + attr(failures[0], "tend.restarting"); got != "10 1 true" {
			t.Errorf("the first failure has delay, count, restarting %s", got)
		}
		exception := failures[1].Events[0]
		said := map[string]string{}
		for _, a := range exception.Attributes {
			said[string(a.Key)] = a.Value.String()
		}
		if exception.Name != "exception" || said["exception.type"] != "*tend.PanicError" || said["exception.message"] != "panic: ouch" ||
			!strings.Contains(said["exception.stacktrace"], "TestFailuresAndRestarts") {
			t.Errorf("the exception is %v", said)
		}
	})
}

// A restart on request ends the chain.
func TestRestartOnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{}, TraceOptions{})
		runs := 0
		token := x.root.Add(tend.Child{Name: "db", ReadyTimeout: time.Minute, Service: tend.Func("db", func(ctx context.Context) error {
			time.Sleep(time.Second)
			if runs++; runs == 1 {
				return io.EOF
			}
			tend.Ready(ctx)
			<-ctx.Done()
			return nil
		})})
		x.serve()
		time.Sleep(10 * time.Second)
		if err := x.root.Restart(token, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		x.want(
			"1s-1s tend.failure root/db#1 (EOF)",
			"1s-1s tend.restart root/db#2 < tend.failure root/db#1 ~ tend.failure root/db#1",
			"1s-2s tend.start root/db#2 < tend.restart root/db#2",
			"10s-10s tend.stop root/db#2",
			"10s-11s tend.start root/db#3",
		)
		x.stop()
	})
}

// newTold makes a tracer that a test tells events, and what returns the names of the spans
// so far.
func newTold() (tr *tracer, names func() []string) {
	spans := tracetest.NewInMemoryExporter()
	tr = newTracer(TraceOptions{
		Provider: trace.NewTracerProvider(trace.WithSyncer(spans)),
		Hook:     func(context.Context, tend.Event) {},
	}, nil)
	return tr, func() (list []string) {
		for _, s := range spans.GetSpans() {
			list = append(list, s.Name)
		}
		return list
	}
}

// One that is to replace another, and is not ready in time, is known apart from that one,
// which fails meanwhile: that was not asked to stop, and is started again.
func TestTwoRunsOfOneServiceAreKnownApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{}, TraceOptions{})
		runs := 0
		token := x.root.Add(tend.Child{Name: "db", Backoff: tend.Backoff{Min: 10 * time.Second}, Service: tend.Func("", func(ctx context.Context) error {
			if runs++; runs == 1 {
				time.Sleep(5 * time.Second)
				return io.EOF
			}
			<-ctx.Done()
			return nil
		})})
		x.serve()
		time.Sleep(time.Second)
		err := x.root.ReplaceWhenReady(t.Context(), token, tend.Child{Service: tendtest.Slow("", 4*time.Second), ReadyTimeout: 2 * time.Second})
		if !errors.Is(err, tend.ErrNotReady) {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		synctest.Wait()
		x.want(
			"3s-7s tend.stop root/db#2",
			"5s-5s tend.failure root/db#1 (EOF)",
			"5s-15s tend.restart root/db#3 < tend.failure root/db#1 ~ tend.failure root/db#1",
		)
		x.stop()
	})
}

// A failure whose service did not start because of it is no beginning of a later start.
func TestAFailureThatNoStartFollows(t *testing.T) {
	for name, next := range map[string]tend.State{
		"it is suspended":                 tend.StateSuspended,
		"it is removed":                   tend.StateGone,
		"the one beside it has its place": tend.StateRunning,
	} {
		tr, names := newTold()
		o := tend.Origin{Supervisor: "root", Service: "x", Token: surveytest.Tokens(1)[0], Incarnation: 1}
		tr.hook(tend.ServiceFailed{Origin: o, Restarting: true})
		tr.hook(tend.ServiceChanged{Origin: o, Next: next})
		o.Incarnation = 3
		tr.hook(tend.ServiceStarted{Origin: o})
		if diff := gocmp.Diff([]string{"tend.failure"}, names()); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// A service that ends has been started again after its failure, if that may have been dropped.
func TestAFailureBeforeAStartThatWasDropped(t *testing.T) {
	tr, names := newTold()
	o := tend.Origin{Supervisor: "root", Service: "x", Token: surveytest.Tokens(1)[0], Incarnation: 1}
	tr.hook(tend.ServiceFailed{Origin: o, Restarting: true})
	tr.hook(tend.EventsDropped{Origin: tend.Origin{Supervisor: "root"}, N: 1})
	o.Incarnation = 2
	tr.hook(tend.ServiceEnded{Origin: o})
	o.Incarnation = 3
	tr.hook(tend.ServiceStarted{Origin: o})
	if diff := gocmp.Diff([]string{"tend.failure"}, names()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Of events that were dropped nothing is made up.
func TestDroppedEvents(t *testing.T) {
	tr, names := newTold()
	o := tend.Origin{Supervisor: "root", Service: "x", Token: surveytest.Tokens(1)[0]}
	tr.hook(tend.ServiceFailed{Origin: o, Restarting: true})
	tr.hook(tend.ServiceStarted{Origin: o})
	tr.hook(tend.ServiceStarted{Origin: o}) // its second failure is missing
	tr.hook(tend.ServiceEnded{Origin: o, Cause: tend.Reason{Err: io.EOF, Text: "EOF"}})
	root := tend.Origin{Supervisor: "root"}
	tr.hook(tend.SupervisorStopping{Origin: root})
	tr.hook(tend.EventsDropped{Origin: root, N: 1})                              // the end
	tr.hook(tend.SupervisorStarted{Origin: root})                                // so it is over
	tr.hook(tend.SupervisorStopping{Origin: tend.Origin{Supervisor: "root/db"}}) // the end is missing, and it does not start again
	tr.hook(tend.SupervisorStopped{Origin: root})                                // the beginning is missing
	if diff := gocmp.Diff([]string{"tend.failure", "tend.restart", "tend.stop", "tend.stop", "tend.stop", "tend.stop"}, names()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if n := len(tr.stops.open); n > 0 {
		t.Errorf("%d stops are open", n)
	}
}

func TestNotReadyAndUnresponsive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{}, TraceOptions{})
		x.root.Add(tend.Child{Service: tendtest.Slow("late", time.Second), ReadyTimeout: 4 * time.Second, Limit: tend.Limit{N: 1}})
		x.root.Add(tend.Child{Service: tendtest.Slow("mute", time.Second), Watchdog: 10 * time.Second, Limit: tend.Limit{N: 1}})
		x.serve()
		time.Sleep(time.Minute)
		x.stop()
		x.want(
			"0s-4s tend.start root/late#1 ("+tend.ErrNotReady.Error()+")",
			"4s-5s tend.stop root/late#1 < tend.failure root/late#1",
			"5s-5s tend.failure root/late#1 ("+tend.ErrNotReady.Error()+")",
			"10s-11s tend.stop root/mute#1 < tend.failure root/mute#1",
			"11s-11s tend.failure root/mute#1 ("+tend.ErrUnresponsive.Error()+")",
			"1m0s-1m0s tend.stop root",
		)
	})
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{FailureThreshold: 0.5, FailureBackoff: 20 * time.Second}, TraceOptions{})
		runs := 0
		x.root.Add(tend.Func("bad", func(ctx context.Context) error {
			if runs++; runs == 1 {
				return io.EOF
			}
			<-ctx.Done()
			return nil
		}))
		x.serve()
		time.Sleep(time.Minute)
		x.stop()
		x.want(
			"0s-0s tend.failure root/bad#1 (EOF)",
			"0s-20s tend.pause root",
			"0s-20s tend.restart root/bad#2 < tend.failure root/bad#1 ~ tend.failure root/bad#1",
			"1m0s-1m0s tend.stop root",
			"1m0s-1m0s tend.stop root/bad#2 < tend.stop root",
		)
	})
}

// The stop of a tree is one trace, with the time of each level and service.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{Ordered: true}, TraceOptions{})
		db := tend.New("db", tend.Spec{Ordered: true})
		db.Add(tendtest.Slow("disk", 2*time.Second))
		pool := tend.New("pool", tend.Spec{})
		pool.Add(tendtest.Slow("x", time.Second))
		pool.Add(tendtest.Slow("y", 3*time.Second))
		db.Add(pool)
		x.root.Add(db)
		x.root.Add(tendtest.Slow("mid", 4*time.Second))
		x.root.Add(tendtest.Slow("top", 2*time.Second))
		x.serve()
		time.Sleep(10 * time.Second)
		x.spans.Reset()
		x.stop()
		x.want(
			"10s-21s tend.stop root",
			"10s-12s tend.stop root/top#1 < tend.stop root",
			"12s-16s tend.stop root/mid#1 < tend.stop root",
			"16s-17s tend.stop root/db/pool/x#1 < tend.stop root/db/pool",
			"16s-19s tend.stop root/db/pool/y#1 < tend.stop root/db/pool",
			"16s-19s tend.stop root/db/pool < tend.stop root/db",
			"16s-21s tend.stop root/db < tend.stop root",
			"19s-21s tend.stop root/db/disk#1 < tend.stop root/db",
		)
		if got := attr(x.spans.GetSpans()[0], "tend.cause"); got != "enough" {
			t.Errorf("the cause is %q", got)
		}
	})
}

// What does not stop is an error of its span and of its supervisor's, which end
// when it is given up.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{StopWithin: 10 * time.Second}, TraceOptions{}) // 9.5s for its services: it keeps a twentieth
		x.root.Add(tendtest.Slow("hung", time.Minute))
		removed := x.root.Add(tend.Child{Service: tendtest.Slow("gone", 5*time.Second), Timeout: time.Second})
		x.serve()
		time.Sleep(time.Second)
		if err := x.root.RemoveAndWait(t.Context(), removed); err != nil { // until it has returned, at 6s
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		x.stop()
		x.want(
			"1s-2s tend.stop root/gone#1 (did not return in time)",
			"10s-19.5s tend.stop root (1 of its services did not stop)",
			"10s-19.5s tend.stop root/hung#1 (did not return in time) < tend.stop root",
		)
		time.Sleep(time.Hour) // until hung has returned: no goroutine may be left
	})
}

// A nested supervisor that stops by itself is a stop of its own; the rest is not.
func TestStopOfNested(t *testing.T) {
	for name, test := range map[string]struct {
		spec tend.Spec
		end  error
		stop bool // by its method
	}{
		"escalates":          {spec: tend.Spec{Escalate: true, FailureThreshold: 0.5}, end: io.EOF},
		"escalates, ordered": {spec: tend.Spec{Escalate: true, FailureThreshold: 0.5, Ordered: true}, end: io.EOF},
		"terminates":         {spec: tend.Spec{KeepTermination: true}, end: tend.ErrTerminateTree},
		"is stopped":         {stop: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newTraced(t, tend.Spec{}, TraceOptions{})
				db := tend.New("db", test.spec)
				db.Add(tendtest.Slow("quick", time.Second))
				db.Add(tendtest.Slow("conn", 2*time.Second))
				if !test.stop {
					db.Add(tend.Child{Restart: tend.Transient, Name: "end", Service: tend.Func("", func(ctx context.Context) error {
						time.Sleep(5 * time.Second)
						return test.end
					})})
				}
				x.root.Add(tendtest.Slow("web", time.Second))
				x.root.Add(db)
				x.serve()
				time.Sleep(5 * time.Second)
				if test.stop {
					db.Stop()
				}
				time.Sleep(3500 * time.Millisecond) // the ordered stop takes 3s
				synctest.Wait()
				var stops []string
				for _, line := range x.tell() {
					if strings.Contains(line, "tend.stop") {
						stops = append(stops, line)
					}
				}
				want := []string{
					"5s-7s tend.stop root/db",
					"5s-6s tend.stop root/db/quick#1 < tend.stop root/db",
					"5s-7s tend.stop root/db/conn#1 < tend.stop root/db",
				}
				if test.spec.Ordered {
					want = []string{
						"5s-8s tend.stop root/db",
						"5s-7s tend.stop root/db/conn#1 < tend.stop root/db",
						"7s-8s tend.stop root/db/quick#1 < tend.stop root/db",
					}
				}
				if diff := gocmp.Diff(want, stops); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
				x.spans.Reset()
				x.stop()
				if len(x.tell()) == 0 || !strings.Contains(x.tell()[0], "tend.stop root") {
					t.Errorf("then the root: %q", x.tell())
				}
			})
		})
	}
}

// Two stops at a time are two.
func TestStopsOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{}, TraceOptions{})
		for name, after := range map[string]time.Duration{"db": 5 * time.Second, "cache": 6 * time.Second} {
			s := tend.New(name, tend.Spec{KeepTermination: true})
			s.Add(tendtest.Slow("quick", 2*time.Second))
			s.Add(tendtest.Slow("slow", 4*time.Second))
			s.Add(tend.Func("end", func(ctx context.Context) error {
				time.Sleep(after)
				return tend.ErrTerminateTree
			}))
			x.root.Add(s)
		}
		x.serve()
		time.Sleep(time.Second)
		x.spans.Reset()
		time.Sleep(9500 * time.Millisecond) // until both are over and nothing else has begun
		synctest.Wait()
		x.want(
			"5s-9s tend.stop root/db",
			"5s-7s tend.stop root/db/quick#1 < tend.stop root/db",
			"5s-9s tend.stop root/db/slow#1 < tend.stop root/db",
			"6s-10s tend.stop root/cache",
			"6s-8s tend.stop root/cache/quick#1 < tend.stop root/cache",
			"6s-10s tend.stop root/cache/slow#1 < tend.stop root/cache",
		)
		x.stop()
	})
}

// A supervisor that still stops, and another one that has got its name meanwhile, have a
// span each.
func TestASupervisorIsAddedWhileOneOfItsNameStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{}, TraceOptions{})
		add := func(takes time.Duration) tend.ServiceToken {
			db := tend.New("db", tend.Spec{})
			db.Add(tendtest.Slow("conn", takes))
			return x.root.Add(db)
		}
		old := add(5 * time.Second)
		x.serve()
		time.Sleep(time.Second)
		if err := x.root.Remove(old); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		add(time.Second)
		time.Sleep(time.Second)
		x.spans.Reset()
		x.stop()
		x.want(
			"1s-6s tend.stop root/db",
			"1s-6s tend.stop root/db/conn#1 < tend.stop root/db",
			"3s-6s tend.stop root",
			"3s-4s tend.stop root/db/conn#1 < tend.stop root/db",
			"3s-4s tend.stop root/db < tend.stop root",
		)
	})
}

// Supervisors that share a name and stop together have a span each.
func TestSupervisorsOfOneNameStopTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{}, TraceOptions{})
		for i, takes := range []time.Duration{2 * time.Second, 4 * time.Second} {
			db := tend.New("db", tend.Spec{})
			db.Add(tendtest.Slow(fmt.Sprint("conn", i), takes))
			x.root.Add(db)
		}
		x.serve()
		time.Sleep(time.Second)
		x.spans.Reset()
		x.stop()
		x.want(
			"1s-5s tend.stop root",
			"1s-3s tend.stop root/db/conn0#1 < tend.stop root/db",
			"1s-3s tend.stop root/db < tend.stop root",
			"1s-5s tend.stop root/db/conn1#1 < tend.stop root/db",
			"1s-5s tend.stop root/db < tend.stop root",
		)
	})
}

// Supervisors that share a name and have stopped at one moment have no further span as
// the services that they are, whose ends come after both.
func TestSupervisorsOfOneNameAreServicesThatHaveASpan(t *testing.T) {
	tr, names := newTold()
	db := tend.Origin{Supervisor: "root/db"}
	tr.hook(tend.SupervisorStopping{Origin: db})
	tr.hook(tend.SupervisorStopping{Origin: db})
	tr.hook(tend.SupervisorStopped{Origin: db})
	tr.hook(tend.SupervisorStopped{Origin: db})
	for _, token := range surveytest.Tokens(2) {
		o := tend.Origin{Supervisor: "root", Service: "db", Token: token}
		tr.hook(tend.ServiceEnded{Origin: o, Cause: tend.Reason{Err: tend.ErrRemoved}})
	}
	if diff := gocmp.Diff([]string{"tend.stop", "tend.stop"}, names()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if n := len(tr.stops.stopped); n > 0 {
		t.Errorf("it remembers %d that have stopped", n)
	}
}

// A service that goes on after the supervisor that it served for a while has a stop of its
// own, as that one had.
func TestAServiceOutlivesTheSupervisorOfItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{}, TraceOptions{})
		token := x.root.Add(tend.Func("db", func(ctx context.Context) error {
			inner, stop := context.WithTimeout(ctx, time.Second)
			defer stop()
			_ = tend.New("db", tend.Spec{}).Serve(inner)
			<-ctx.Done()
			time.Sleep(3 * time.Second)
			return nil
		}))
		x.serve()
		time.Sleep(5 * time.Second)
		if err := x.root.RemoveAndWait(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		x.want(
			"1s-1s tend.stop root/db",
			"5s-8s tend.stop root/db#1",
		)
		x.stop()
	})
}

// What was being removed before a stop is not part of it.
func TestRemovedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{}, TraceOptions{})
		x.root.Add(tendtest.Slow("a", time.Second))
		gone := x.root.Add(tendtest.Slow("gone", 8*time.Second))
		x.serve()
		time.Sleep(time.Second)
		if err := x.root.Remove(gone); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		x.stop()
		x.want(
			"1s-9s tend.stop root/gone#1",
			"5s-9s tend.stop root",
			"5s-6s tend.stop root/a#1 < tend.stop root",
		)
	})
}

// A failure of long ago, in a supervisor below, is not where its part of a group
// restart began.
func TestGroupRestartOfNested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{Strategy: tend.OneForAll}, TraceOptions{})
		once := func(name string, after time.Duration) tend.Service {
			runs := 0
			return tend.Func(name, func(ctx context.Context) error {
				if runs++; runs > 1 {
					<-ctx.Done()
					return nil
				}
				time.Sleep(after)
				return io.EOF
			})
		}
		db := tend.New("db", tend.Spec{})
		db.Add(once("early", time.Second))
		x.root.Add(db)
		x.root.Add(once("late", 5*time.Second))
		x.serve()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		x.want(
			"0s-0s tend.start root/db#1",
			"1s-1s tend.failure root/db/early#1 (EOF)",
			"1s-1s tend.restart root/db/early#2 < tend.failure root/db/early#1 ~ tend.failure root/db/early#1",
			"5s-5s tend.failure root/late#1 (EOF)",
			"5s-5s tend.stop root/db",
			"5s-5s tend.start root/db#2",
			"5s-5s tend.stop root/db/early#2 < tend.stop root/db",
			"5s-5s tend.restart root/late#2 < tend.failure root/late#1 ~ tend.failure root/late#1",
		)
		x.stop()
	})
}

func TestGroupRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{Strategy: tend.OneForAll}, TraceOptions{})
		runs := 0
		x.root.Add(tendtest.Slow("a", 2*time.Second))
		x.root.Add(tend.Func("bad", func(ctx context.Context) error {
			if runs++; runs > 1 {
				<-ctx.Done()
				return nil
			}
			time.Sleep(5 * time.Second)
			return io.EOF
		}))
		x.root.Add(tendtest.Slow("c", 3*time.Second))
		x.serve()
		time.Sleep(15 * time.Second)
		synctest.Wait()
		x.want(
			"5s-5s tend.failure root/bad#1 (EOF)",
			"5s-8s tend.stop root/c#1",
			"5s-10s tend.restart root/bad#2 < tend.failure root/bad#1 ~ tend.failure root/bad#1",
			"8s-10s tend.stop root/a#1",
		)
		x.stop()
	})
}

// A service that stops alone has a trace of its own.
func TestStopsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{}, TraceOptions{})
		a := x.root.Add(tendtest.Slow("a", time.Second))
		b := x.root.Add(tendtest.Slow("b", 2*time.Second))
		c := x.root.Add(tendtest.Slow("c", 3*time.Second))
		x.serve()
		time.Sleep(time.Second)
		if err := errors.Join(x.root.Remove(a), x.root.Suspend(b), x.root.Restart(c, nil)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		x.want(
			"1s-2s tend.stop root/a#1",
			"1s-3s tend.stop root/b#1",
			"1s-4s tend.stop root/c#1",
		)
		x.stop()
	})
}

// A panic on the way down is an error of the stop, and an error that is returned there
// is not.
func TestStopsBadly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTraced(t, tend.Spec{}, TraceOptions{})
		x.root.Add(tend.Func("broken", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Second)
			panic("ouch")
		}))
		x.root.Add(tend.Func("sorry", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(2 * time.Second)
			return io.EOF
		}))
		x.serve()
		synctest.Wait()
		x.stop()
		x.want(
			"0s-2s tend.stop root",
			"0s-1s tend.stop root/broken#1 (panic: ouch) < tend.stop root",
			"0s-2s tend.stop root/sorry#1 < tend.stop root",
		)
	})
}

// An event in the log has the trace of its span, and hooks get it in the context.
func TestLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var log bytes.Buffer
		also := 0
		o := TraceOptions{Logger: slog.New(slog.NewJSONHandler(lockedWriter{&mu, &log}, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		for _, spec := range []tend.Spec{{}, {EventHook: func(tend.Event) { also++ }}} {
			x := newTraced(t, spec, o)
			x.root.Add(tend.Child{Name: "bad", Restart: tend.Temporary, Limit: tend.Limit{N: 1}, Service: tendtest.Slow("", 0)})
			x.root.Add(tend.Child{Name: "bad", Limit: tend.Limit{N: 1}, Service: tendtest.Failing("", io.EOF)})
			x.serve()
			time.Sleep(time.Second)
			x.stop()
			if spec.EventHook != nil {
				break
			}
			failure := x.spans.GetSpans()[0]
			found := false
			for line := range strings.Lines(log.String()) {
				var record map[string]any
				if err := json.Unmarshal([]byte(line), &record); err != nil {
					t.Fatal(err)
				}
				switch record["msg"] {
				case tend.ServiceFailed{}.Kind().String():
					found = true
					if record["trace_id"] != failure.SpanContext.TraceID().String() || record["span_id"] != failure.SpanContext.SpanID().String() ||
						record["error"] != "EOF" || record["supervisor"] != "root" || record["event"] != nil {
						t.Errorf("the failure is logged as %v", record)
					}
				case tend.ServiceStarted{}.Kind().String():
					if _, ok := record["trace_id"]; ok {
						t.Errorf("a start without span has a trace: %v", record)
					}
				}
			}
			if !found {
				t.Errorf("the failure is not in\n%s", log.String())
			}
			log.Reset()
		}
		if log.Len() > 0 || also == 0 {
			t.Errorf("with an EventHook, called %d times, there is a log:\n%s", also, log.String())
		}
	})
}

// A failure that repeats itself is logged in full once, with the trace of the first, and
// then in sums, as a tree does that logs by itself; each has its span.
func TestLogsAreFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var log bytes.Buffer
		x := newTraced(t, tend.Spec{}, TraceOptions{Logger: slog.New(slog.NewTextHandler(lockedWriter{&mu, &log}, nil))})
		const delay = 5 * time.Second
		x.root.Add(tend.Child{Name: "bad", Backoff: tend.Backoff{Min: delay, Max: delay}, Service: tendtest.Failing("", io.EOF)})
		x.serve()
		time.Sleep(100 * time.Second)
		x.stop()
		var failures, sums []string
		for line := range strings.Lines(log.String()) {
			switch {
			case strings.Contains(line, `msg="service failed"`):
				failures = append(failures, line)
			case strings.Contains(line, `msg="same error" path=root/bad error=EOF again=`):
				sums = append(sums, line)
			}
		}
		first := x.spans.GetSpans()[0]
		if len(failures) != 1 || !strings.Contains(failures[0], first.SpanContext.TraceID().String()) || len(sums) != 3 {
			t.Errorf("%d failures and %d sums are in\n%s", len(failures), len(sums), log.String())
		}
		spans := 0
		for _, s := range x.spans.GetSpans() {
			if s.Name == "tend.failure" {
				spans++
			}
		}
		if spans < 20 {
			t.Errorf("%d failures have a span", spans)
		}
	})
}

// Without a logger records go to the default one of then, with what is added to a logger
// and its groups.
func TestTheDefaultLogger(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	h := slog.New(traceHandler{})
	var log bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	span := api.NewSpanContext(api.SpanContextConfig{TraceID: api.TraceID{1}, SpanID: api.SpanID{2}})
	ctx := api.ContextWithSpanContext(t.Context(), span)
	h.With("a", 1).WithGroup("g").InfoContext(ctx, "x", "b", 2)
	h.DebugContext(ctx, "not enabled")
	if got := log.String(); !strings.HasSuffix(got, "msg=x a=1 g.b=2 g.trace_id="+span.TraceID().String()+" g.span_id="+span.SpanID().String()+"\n") {
		t.Errorf("it logs %s", got)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func TestHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tape := tendtest.NewTape(t)
		x := newTraced(t, tend.Spec{}, TraceOptions{Hook: func(ctx context.Context, e tend.Event) {
			if api.SpanContextFromContext(ctx).IsValid() {
				tape.Hook(e)
			}
		}})
		x.root.Add(tend.Child{Name: "bad", Limit: tend.Limit{N: 1}, Service: tendtest.Failing("", io.EOF)})
		x.root.Add(tendtest.Slow("work", time.Second)) // so that the cause has time to say what it is
		x.serve()
		time.Sleep(time.Second)
		x.stop()
		tape.Want(
			"0s root/bad service failed err=EOF count=1 threshold=1",
			"1s root supervisor stopping cause=*errors.errorString", // a stop waits for no text
			"2s root/work service ended cause=enough took=1s",
			"2s root supervisor stopped cause=enough err=enough took=1s",
		)
	})
}

// What user code in an error does when it is asked does not matter.
func TestHostileCauses(t *testing.T) {
	for _, cause := range []error{hostile{}, uncomparable{1, 2}} {
		synctest.Test(t, func(t *testing.T) {
			var said string
			x := newTraced(t, tend.Spec{EventHook: func(e tend.Event) {
				if e, ok := e.(tend.SupervisorStopped); ok {
					said = e.Cause.Text
				}
			}}, TraceOptions{})
			x.root.Add(tendtest.Slow("a", time.Second))
			x.serve()
			synctest.Wait()
			x.cancel(cause)
			<-x.result
			synctest.Wait()
			x.want("0s-1s tend.stop root", "0s-1s tend.stop root/a#1 < tend.stop root")
			for _, s := range x.spans.GetSpans() {
				if got := attr(s, "tend.cause"); got == "" || got != said {
					t.Errorf("the cause of %s is %q, its text %q", nameOf(s), got, said)
				}
			}
		})
	}
}

type hostile struct{}

func (hostile) Error() string { panic("ouch") }
func (hostile) As(any) bool   { panic("ouch") }

type uncomparable []int

func (uncomparable) Error() string { return "uncomparable" }

// What is known of services that left without an event does not pile up.
func TestKnownIsBounded(t *testing.T) {
	const more = 10 // than it keeps: then it forgets all and begins again
	tr := newTracer(TraceOptions{Hook: func(context.Context, tend.Event) {}}, nil)
	for i, token := range surveytest.Tokens(maxIncidents + more) {
		tr.hook(tend.ServiceFailed{Origin: tend.Origin{Token: token}, Restarting: true})
		tr.hook(tend.SupervisorStopped{Origin: tend.Origin{Supervisor: fmt.Sprint("root/wrapper/", i)}})
	}
	if failed, stopped := len(tr.failed), len(tr.stops.stopped); failed != more || stopped != more {
		t.Errorf("it knows %d that have failed, %d that have stopped", failed, stopped)
	}
}
