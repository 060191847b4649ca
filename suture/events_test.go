package suture_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/suture"
)

// The events are built here as user code builds them: unkeyed, and with v4's
// fields in v4's order.
func TestEvents(t *testing.T) {
	s := suture.NewSimple("sup")
	svc := idle("svc")
	for name, c := range map[string]struct {
		event  suture.Event
		typ    suture.EventType
		number int
		text   string
		fields map[string]any
		json   string
	}{
		"stop timeout": {
			suture.EventStopTimeout{s, "sup", svc, "svc"},
			suture.EventTypeStopTimeout, 0,
			"sup: Service svc failed to terminate in a timely manner",
			map[string]any{"supervisor_name": "sup", "service_name": "svc"},
			`{"supervisor_name":"sup","service":"svc"}`,
		},
		"panic": {
			suture.EventServicePanic{s, "sup", svc, "svc", 1, 5, true, "msg", "stack"},
			suture.EventTypeServicePanic, 1,
			"sup: Failed service 'svc' (1.000000 failures of 5.000000), restarting: true, panic: msg, stacktrace: stack",
			map[string]any{
				"supervisor_name": "sup", "service_name": "svc", "current_failures": 1.0, "failure_threshold": 5.0,
				"restarting": true, "panic_msg": "msg", "stacktrace": "stack",
			},
			`{"supervisor_name":"sup","service_name":"svc","current_failures":1,"failure_threshold":5,"restarting":true,"panic_msg":"msg","stacktrace":"stack"}`,
		},
		"terminate": {
			suture.EventServiceTerminate{s, "sup", svc, "svc", 6, 5, false, "why"},
			suture.EventTypeServiceTerminate, 2,
			"sup: Failed service 'svc' (6.000000 failures of 5.000000), restarting: false, error: why",
			map[string]any{
				"supervisor_name": "sup", "service_name": "svc", "current_failures": 6.0, "failure_threshold": 5.0,
				"restarting": false, "error": "why",
			},
			`{"supervisor_name":"sup","service_name":"svc","current_failures":6,"failure_threshold":5,"restarting":false,"error_msg":"why"}`,
		},
		"terminate without an error": {
			suture.EventServiceTerminate{SupervisorName: "sup", ServiceName: "svc"},
			suture.EventTypeServiceTerminate, 2,
			"sup: Failed service 'svc' (0.000000 failures of 0.000000), restarting: false, error: <nil>",
			map[string]any{
				"supervisor_name": "sup", "service_name": "svc", "current_failures": 0.0, "failure_threshold": 0.0,
				"restarting": false, "error": nil,
			},
			`{"supervisor_name":"sup","service_name":"svc","current_failures":0,"failure_threshold":0,"restarting":false,"error_msg":null}`,
		},
		"backoff": {
			suture.EventBackoff{s, "sup"},
			suture.EventTypeBackoff, 3,
			"sup: Entering the backoff state.",
			map[string]any{"supervisor_name": "sup"},
			`{"supervisor_name":"sup"}`,
		},
		"resume": {
			suture.EventResume{s, "sup"},
			suture.EventTypeResume, 4,
			"sup: Exiting backoff state.",
			map[string]any{"supervisor_name": "sup"},
			`{"supervisor_name":"sup"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, "type", c.event.Type(), c.typ)
			want(t, "number", int(c.event.Type()), c.number)
			want(t, "text", c.event.String(), c.text)
			want(t, "map", c.event.Map(), c.fields)
			js, err := json.Marshal(c.event)
			same(t, "Marshal", err, nil)
			want(t, "JSON", string(js), c.json)
		})
	}
}

// unencodable is an error that encoding/json cannot encode, or would without its text.
type unencodable struct{ Callback func() }

func (unencodable) Error() string { return "unencodable" }

type mute struct{}

func (mute) Error() string { panic("Error") }

// v4 promises "only the values suitable for serialization" and has errors in it,
// which become {} or make an error.
func TestMapCanBeEncoded(t *testing.T) {
	for name, c := range map[string]struct{ err, want any }{
		"no error":            {nil, nil},
		"error":               {errBoom, "boom"},
		"error of two lines":  {errors.Join(errBoom, errBoom), "boom\nboom"},
		"error with fields":   {unencodable{}, "unencodable"},
		"error that panics":   {mute{}, "suture_test.mute"},
		"what is no error":    {42.5, 42.5},
		"nor can be encoded":  {make(chan int), "0x"},
		"nor can be encoded:": {math.Inf(1), "+Inf"},
	} {
		t.Run(name, func(t *testing.T) {
			got := suture.EventServiceTerminate{FailureThreshold: math.Inf(1), Err: c.err}.Map()
			if _, err := json.Marshal(got); err != nil {
				t.Error(err)
			}
			if text, is := got["error"].(string); is && c.want == "0x" {
				got["error"] = text[:2]
			}
			want(t, "error", got["error"], c.want)
			want(t, "threshold", got["failure_threshold"], any(math.MaxFloat64))
		})
	}
}

// A threshold is what the Spec says, also when a service panics on the way down: hooks
// divide by it.
func TestFailureThreshold(t *testing.T) {
	for given, told := range map[float64]float64{0: 5, 2.5: 2.5, -1: -1, math.Inf(1): math.Inf(1)} {
		synctest.Test(t, func(t *testing.T) {
			l := newLog()
			s := suture.New("root", suture.Spec{EventHook: l.hook, FailureThreshold: given})
			s.Add(returns("fails", errBoom))
			s.Add(&service{"panics when stopped", func(ctx context.Context) error { <-ctx.Done(); panic(errBoom) }})
			stop := serve(t, s)
			_ = stop()
			synctest.Wait()
			want(t, "failure", l.events[0].(suture.EventServiceTerminate).FailureThreshold, told)
			want(t, "panic on the way down", last[suture.EventServicePanic](t, l).FailureThreshold, told)
		})
	}
}

// header, function and file are the lines of a traceback as the tools that read those
// (panicparse, reporters of errors) look for them.
var (
	header   = regexp.MustCompile(`^goroutine (\d+) \[([^\]]+)\]:$`)
	function = regexp.MustCompile(`^(.+)\((.*)\)$`)
	file     = regexp.MustCompile(`^\t(.+\.(?:go|s)):(\d+)( \+0x[0-9a-f]+)?$`)
)

type deep struct{}

//go:noinline
func (deep) down(levels int) {
	if levels == 0 {
		panic(errBoom)
	}
	deep{}.down(levels - 1)
}

var nowhere map[string]int // a write to it panics in package runtime

func TestStacktraceIsATraceback(t *testing.T) {
	for name, serve1 := range map[string]func(context.Context) error{
		"of Serve": func(context.Context) error { deep{}.down(3); return nil },
		"of a helper": func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { deep{}.down(3); return nil })
			<-ctx.Done()
			return nil
		},
		"of 1,000":   func(context.Context) error { deep{}.down(1000); return nil },
		"of runtime": func(context.Context) error { nowhere["x"] = 1; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, once := newLog(), true
				s := suture.New("root", suture.Spec{EventHook: l.hook})
				s.Add(&service{"svc", func(ctx context.Context) error {
					if once {
						once = false
						return serve1(ctx)
					}
					<-ctx.Done()
					return nil
				}})
				serve(t, s)
				lines := strings.Split(strings.TrimSuffix(last[suture.EventServicePanic](t, l).Stacktrace, "\n"), "\n")
				want(t, lines[0], header.MatchString(lines[0]), true)
				want(t, "lines, at least and at most", len(lines) > 4 && len(lines) <= 1+2*64, true)
				for i := 1; i+1 < len(lines); i += 2 {
					want(t, lines[i], function.MatchString(lines[i]), true)
					want(t, lines[i+1], file.MatchString(lines[i+1]), true)
				}
				want(t, "panicked", lines[1], "panic(...)")
			})
		})
	}
}

// What v4 gives there goes through the same expressions.
func TestTracebacksLookLikeThat(t *testing.T) {
	buf := make([]byte, 1<<16)
	lines := strings.Split(string(buf[:runtime.Stack(buf, false)]), "\n")
	want(t, lines[0], header.MatchString(lines[0]), true)
	want(t, lines[1], function.MatchString(lines[1]), true)
	want(t, lines[2], file.MatchString(lines[2]), true)
}
