package tend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// run is one incarnation of a service: one call of Serve, with the helpers that
// it starts. It is also the bottom of the context that the service gets, so
// that the helper functions of this package find it there.
type run struct {
	node   *node
	began  instant                 // the plan's
	base   context.Context         // the values of the context that the supervisor is served with, and the labels
	cancel context.CancelCauseFunc // set before the goroutine starts
	more   atomic.Pointer[runMore]
}

// runMore is what few runs need. closedRun takes its place once the run is over.
type runMore struct {
	mu          sync.Mutex
	helpers     int
	joined      chan struct{} // made by the run when it waits for its helpers
	failed      *outcome      // of the first helper that failed
	annotations []slog.Attr
	stopBy      time.Time // see Supervisor.limit

	// Of the watchdog; the clock is set before the run starts.
	clock    *clock
	beats    atomic.Uint64
	lastBeat atomic.Int64 // an instant
}

var closedRun = &runMore{}

// open returns the run's further fields, nil if it is over.
func (r *run) open() *runMore {
	m := r.more.Load()
	for m == nil {
		r.more.CompareAndSwap(nil, &runMore{})
		m = r.more.Load()
	}
	if m == closedRun {
		return nil
	}
	return m
}

type runKey struct{}

// runOf finds the run whose context ctx is, or comes from.
func runOf(ctx context.Context) *run {
	r, _ := ctx.Value(runKey{}).(*run)
	return r
}

// Deadline, Done and Err hide the end of the supervisor's context; Value adds the
// run itself to its values.

func (r *run) Deadline() (time.Time, bool) { return time.Time{}, false }
func (r *run) Done() <-chan struct{}       { return nil }
func (r *run) Err() error                  { return nil }

func (r *run) Value(key any) any {
	if _, ok := key.(runKey); ok {
		return r
	}
	return r.base.Value(key)
}

// label is the value of the pprof label "service": the name does not have to be
// unique, with the token's number it is.
func (n *node) label() string {
	b := make([]byte, 0, 64) // on the stack, if it fits
	b = append(append(b, n.name...), '#')
	return string(strconv.AppendUint(b, n.id, 10))
}

// labelled adds the label of the service to the context of its supervisor.
func (n *node) labelled(ctx context.Context) context.Context {
	return pprof.WithLabels(ctx, pprof.Labels("service", n.label()))
}

// main is the goroutine of a run; fresh: the run's context has no labels yet. As a
// goroutine begins with 2 KiB of stack, which is to do for an idle service, its frame
// is small and there is none between it and Serve.
func (r *run) main(ctx context.Context, fresh bool) {
	if !r.node.sup.plan.spec.NoLabels {
		if fresh {
			r.base = r.node.labelled(r.base)
		}
		pprof.SetGoroutineLabels(r.base)
	}
	var out *outcome // made when there is one: an idle run does without
	returned := false
	defer func() { r.end(out) }()
	defer func() {
		if !returned {
			out = r.broken(recover())
		}
	}()
	err := r.node.svc.Serve(ctx)
	returned = true
	out = &outcome{run: r, err: err}
}

// end waits for the helpers of a run whose Serve has ended, asks user code what
// the error is and tells the supervisor, whatever that code does.
func (r *run) end(out *outcome) {
	if out == nil { // a panic is passed through: the program is about to end
		return
	}
	out = r.join(out)
	defer r.report(out)
	out.judge()
}

// report tells the supervisor that the run is over.
func (r *run) report(out *outcome) {
	if out.text == "" { // judging it did not come to an end
		out.text = fmt.Sprintf("%T", out.err)
	}
	r.node.sup.post(exited{out})
}

// join ends the context of the run and waits for its helpers. A helper that
// failed before Serve returned is why the run ended.
func (r *run) join(out *outcome) *outcome {
	r.cancel(ErrServeReturned)
	if r.more.CompareAndSwap(nil, closedRun) {
		return out
	}
	m := r.more.Load()
	m.mu.Lock()
	m.joined = make(chan struct{})
	failed, helpers := m.failed, m.helpers
	m.mu.Unlock()
	if helpers > 0 {
		r.node.sup.post(ending{r})
		<-m.joined
	}
	r.more.Store(closedRun)
	return cmp.Or(failed, out)
}

// Go starts a goroutine that belongs to the service whose context ctx is. If f
// returns an error, panics or calls runtime.Goexit, the service's context is
// cancelled with that error, and it is what the service has ended with, just as
// if Serve had. The service counts as ended only when all its helpers have;
// nil from f is no news. f gets ctx. After Serve has returned nothing is started
// any more. Outside of a supervisor Go is a plain go statement.
func Go(ctx context.Context, f func(context.Context) error) {
	if f == nil {
		panic("tend: Go: the function is nil")
	}
	r := runOf(ctx)
	if r == nil {
		go func() { _ = f(ctx) }()
		return
	}
	m := r.open()
	if m == nil {
		return
	}
	m.mu.Lock()
	over := m.joined != nil
	if !over {
		m.helpers++
	}
	m.mu.Unlock()
	if !over {
		go r.help(m, ctx, f)
	}
}

// help is the goroutine of a helper.
func (r *run) help(m *runMore, ctx context.Context, f func(context.Context) error) {
	var out *outcome
	returned := false
	defer func() { r.helped(m, out) }()
	defer func() { out.judge() }()
	defer func() {
		if !returned {
			out = r.broken(recover())
		}
	}()
	err := f(ctx)
	returned = true
	out = &outcome{run: r, err: err}
}

// helped notes the end of a helper.
func (r *run) helped(m *runMore, out *outcome) {
	if out == nil {
		return
	}
	m.mu.Lock()
	first := out.verdict != fine && m.failed == nil
	if first {
		m.failed = out
	}
	m.mu.Unlock()
	if first {
		r.cancel(out.err)
		r.node.sup.post(ending{r})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.helpers--
	if m.helpers == 0 && m.joined != nil {
		close(m.joined)
	}
}

// outcome is how a run, or a helper, ended.
type outcome struct {
	run      *run
	ran      time.Duration
	err      error       // as returned; *PanicError; ErrGoexit
	text     string      // of err, taken once
	panicked *PanicError // err, if it is the run's own
	verdict  verdict
}

// verdict is what an outcome asks for.
type verdict uint8

const (
	failing verdict = iota
	fine            // nil
	doNotRestart
	terminate
)

// broken is the outcome of what has panicked with v, or if that is nil has called
// runtime.Goexit. It is called by the deferred function that recovered v.
func (r *run) broken(v any) *outcome {
	switch {
	case v == nil:
		return &outcome{run: r, err: ErrGoexit}
	case r.node.sup.plan.spec.PassThroughPanics:
		panic(v)
	default:
		p := newPanicError(v)
		return &outcome{run: r, err: p, panicked: p}
	}
}

// judge finds out what the error asks for and says. That calls methods of the
// error, which may do anything; if they panic or exit, it is a plain failure. A
// panic and an escalation are failures whatever errors they come from.
func (out *outcome) judge() {
	if out == nil {
		return
	}
	if out.err == nil {
		out.verdict, out.text = fine, "returned nil"
		return
	}
	if p := out.panicked; p != nil {
		p.text = panicText(p.Value)
		out.text = p.text
		return
	}
	out.text = textOf(out.err)
	if _, escalated := out.err.(*TooManyFailures); escalated { //nolint:errorlint // wrapped, it is the wrapper's word that counts
		return
	}
	guard(func() {
		switch {
		case errors.Is(out.err, ErrTerminateTree):
			out.verdict = terminate
		case errors.Is(out.err, ErrDoNotRestart):
			out.verdict = doNotRestart
		}
	})
}

// guard calls f, which runs user code. A panic in it ends there. Should it exit
// the goroutine, the deferred calls of the caller still run.
func guard(f func()) {
	defer func() { _ = recover() }()
	f()
}

// maxText bounds the texts that are kept of user values, in bytes.
const maxText = 4 << 10

// textOf is what an error says, bounded and cleaned; its type if that fails.
func textOf(err error) string {
	if err == nil {
		return ""
	}
	return clean(told(err, err.Error), maxText)
}

// told is what say says about v, or the type of v if it panics. Package fmt is
// kept out of the way when all is well: it needs more stack than a goroutine
// begins with.
func told(v any, say func() string) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("%T", v)
		}
	}()
	return say()
}

// panicText is what a value says that somebody panicked with.
func panicText(v any) string {
	var say func() string
	switch v := v.(type) {
	case string:
		say = func() string { return v }
	case error:
		say = v.Error
	default:
		say = func() string { return fmt.Sprint(v) }
	}
	return clean("panic: "+told(v, say), maxText)
}

// clean cuts s to at most limit bytes of valid UTF-8 on one line, without
// characters that control a terminal or the direction of text.
func clean(s string, limit int) string {
	if len(s) <= limit && isPlain(s) {
		return s
	}
	cut := len(s) > limit
	if cut {
		s = s[:limit]
	}
	s = strings.Map(func(c rune) rune {
		switch {
		case c == '\n', c == '\r', c == '\t', c == '\u2028', c == '\u2029':
			return ' '
		case c < ' ', 0x7f <= c && c < 0xa0, '\u202a' <= c && c <= '\u202e', '\u2066' <= c && c <= '\u2069':
			return '\ufffd'
		}
		return c
	}, strings.ToValidUTF8(s, "\ufffd"))
	if len(s) > limit { // a replacement is longer than what it replaces
		s, cut = strings.ToValidUTF8(s[:limit], ""), true
	}
	if cut {
		s += "…"
	}
	return s
}

// isPlain: s is printable ASCII.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// PanicError is the failure of a service that panicked.
type PanicError struct {
	Value any // that it panicked with

	text string    // taken once
	pcs  []uintptr // where; made to text when somebody asks
}

// callers are buffers for program counters: too big for the stack that a goroutine
// begins with.
var callers = sync.Pool{New: func() any { return new([64]uintptr) }}

// newPanicError must be called by run.broken.
func newPanicError(v any) *PanicError {
	buffer := callers.Get().(*[64]uintptr)
	defer callers.Put(buffer)
	n := runtime.Callers(4, buffer[:]) // less Callers, this, broken, the deferred function
	return &PanicError{Value: v, text: "panic", pcs: slices.Clone(buffer[:n])}
}

// Error says "panic: " and the value, as it was printed when it happened.
func (p *PanicError) Error() string { return p.text }

// Unwrap returns the value if it is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Stack is where the panic happened: the innermost 64 functions, two lines each, as a
// traceback prints them.
func (p *PanicError) Stack() string {
	var b strings.Builder
	frames := runtime.CallersFrames(p.pcs)
	for {
		f, more := frames.Next()
		if f.Function != "" {
			fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		}
		if !more {
			return b.String()
		}
	}
}
