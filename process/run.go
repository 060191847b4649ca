package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/stopped"
)

// run is one process from its start to its end. The goroutine of serve owns
// everything but the fields under mu; helpers talk to it through channels.
type run struct {
	c         *Command
	cmd       *exec.Cmd
	readiness Readiness // nil: ready once it is started
	life      life
	sink      sink
	feed      *feed // nil: Stdin is a file or nothing
	busy      bool  // it was not started because somebody writes its program file
	over      bool  // nothing is left of it
	mute      bool  // it is Run's: it is no service
	deaf      bool  // it was started with StopSignal ignored, as this program ignores it
	unsent    error // why the last signal that was refused did not go out
	tail      *tail
	helpers   sync.WaitGroup
	closers   []func() // for when the process is gone, the last one first

	ready  chan struct{} // closed by becameReady
	once   sync.Once
	failed chan error  // the caller's code failed; size 1, the first one counts
	notes  <-chan note // from the notify socket; nil: there is none
	socket notifySocket
	markBy time.Time // when a mark in the socket is not waited for any more; zero: there is none
	// notify: READY=1 on the notify socket makes it ready.
	notify bool
	// onLine sees each line before it is delivered, in the goroutines that read.
	onLine func(Line)
	// onPrompt sees lines that have no end and do not go on; nil: nobody wants to know.
	onPrompt func(text string)
	// endCheck ends the context of ReadyCheck.
	endCheck context.CancelFunc
	// ownFiles is how many of the Cmd's ExtraFiles, the last ones, are not Setup's.
	ownFiles int

	mu        sync.Mutex
	pid       int   // 0: there is none, or it may be somebody else's by now
	lastCheck error // why ReadyCheck says that it is not ready
}

// exit is what is known of a process that has just exited.
type exit struct {
	held  bool // it still is a zombie: nobody else can get its pid or its group
	known bool // code is
	code  int  // exit code; -1: a signal ended it
}

func newRun(c *Command, s sink) *run {
	r := &run{
		c: c, sink: s, readiness: c.Ready, tail: &tail{max: tailSize},
		ready: make(chan struct{}), failed: make(chan error, 1), endCheck: func() {},
		life: life{stopTimeout: c.stopTimeout(), watchdog: c.Watchdog, stopSignal: c.stopSignal()},
	}
	if c.Ready != nil {
		r.life.startTimeout = c.startTimeout()
	}
	return r
}

// busyPause is the longest of the pauses, from a millisecond on, after which a busy
// program file is tried again; they are 127 ms together. A file that was just written still
// is open for writing in a process that was forked meanwhile, until that executes its
// own program (go.dev/issue/22315); nobody did anything wrong then.
const busyPause = 64 * time.Millisecond

// serve serves a run, and others for as long as their program file is busy.
func serve(ctx context.Context, next func() *run) error {
	for pause := time.Millisecond; ; pause *= 2 {
		r := next()
		err := r.serve(ctx)
		if !r.busy || pause > busyPause {
			return err
		}
		select {
		case <-ctx.Done(): // the next one says so
		case <-time.After(pause):
		}
	}
}

// serve runs the process to its end.
func (r *run) serve(ctx context.Context) error {
	if err := stopped.Err(ctx); err != nil {
		return r.wrap(err)
	}
	if exitsAreLost() {
		return r.wrap(errors.New("SIGCHLD is ignored in this program, and with it how processes end"))
	}
	if r.c.DieWithParent {
		// The kernel takes the thread that started a process for its parent, and
		// kills the process when that thread ends (go.dev/issue/27505).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	defer r.abandon()
	if err := r.start(ctx); err != nil {
		return r.wrap(err)
	}
	return r.finish(ctx, r.watch(ctx))
}

// abandon ends a process whose run has panicked, as a context can make it do: it does
// nothing after one that has come to its end.
func (r *run) abandon() {
	switch {
	case r.over || r.cmd.Process == nil:
	case r.isReleased():
		r.cleanup()
	default:
		_ = r.signal(signalGroup, sigKill)
		_ = r.finish(context.Background(), awaitExit(r.cmd.Process.Pid))
	}
}

func (r *run) wrap(err error) error { return fmt.Errorf("tend/process: %s: %w", r.c, err) }

// start starts the process. If it returns an error, or Setup panics, nothing is
// left of the attempt.
func (r *run) start(ctx context.Context) error {
	r.cmd = exec.Command(r.c.Path, r.c.Args...)
	r.cmd.Dir, r.cmd.Env = r.c.Dir, r.c.environ()
	r.cmd.Stdout, r.cmd.Stderr = r.sink.open(r, r.tail)
	running := false
	defer func() {
		if !running {
			// Start refuses a Cmd with an error and closes the pipes that it holds.
			r.cmd.Err = errors.New("given up")
			_ = r.cmd.Start()
			r.cleanup()
		}
	}()
	if r.c.Setup != nil {
		if err := r.c.Setup(r.cmd); err != nil {
			return fmt.Errorf("Setup: %w", err)
		}
	}
	err := r.launch()
	running = err == nil
	r.callStarted()
	if err != nil {
		return err
	}
	tend.Annotate(r.audience(ctx), slog.Int("pid", r.cmd.Process.Pid))
	if r.readiness == nil {
		r.becameReady()
	} else {
		r.readiness.begin(ctx, r)
	}
	return nil
}

// launch adds what Setup must not change, and starts the process.
func (r *run) launch() error {
	setGroup(r.cmd, r.c.DieWithParent)
	if r.life.watchdog > 0 {
		r.setenv("WATCHDOG_USEC", fmt.Sprint(r.life.watchdog.Microseconds()))
	}
	if _, ok := r.readiness.(readyNotify); ok || r.life.watchdog > 0 {
		if err := r.listen(); err != nil {
			return fmt.Errorf("notify socket: %w", err)
		}
	}
	if r.readiness != nil {
		if err := r.readiness.arm(r); err != nil {
			return err
		}
	}
	var err error
	if r.feed, err = r.newFeed(); err != nil {
		return err
	}
	if err := r.cmd.Start(); err != nil {
		r.busy = errors.Is(err, errBusy)
		return cmp.Or(r.c.lookup(), err) // the system's own words may name the wrong file
	}
	r.deaf = signal.Ignored(r.life.stopSignal)
	r.setPid(r.cmd.Process.Pid)
	r.life.started(time.Now())
	if r.feed != nil {
		r.feed.start(r)
	}
	return nil
}

// callStarted calls Started with the files as Setup left them. It gets a
// goroutine of its own: whatever it does, the process that runs now has an owner.
func (r *run) callStarted() {
	if r.c.Started == nil {
		return
	}
	r.cmd.ExtraFiles = r.cmd.ExtraFiles[:len(r.cmd.ExtraFiles)-r.ownFiles]
	done := make(chan struct{})
	r.helper("Started", func() {
		defer close(done)
		r.c.Started(r.cmd)
	})
	<-done
}

// finish deals with what a process leaves behind. From release on its pid must
// not be used any more; Wait, which gives it back to the system, comes after.
func (r *run) finish(ctx context.Context, e exit) error {
	drain := r.drainTime(ctx)
	r.release(e)
	r.endCheck()           // after that: what it finds is not of the process any more
	r.markBy = time.Time{} // nobody is found late any more
	exited := time.Now()
	r.cmd.WaitDelay = drain
	err := r.cmd.Wait() // for the output, at most that long
	if r.feed != nil {
		err = withReader(err, r.feed.wait(drain-time.Since(exited)))
	}
	for n := range r.endNotes() {
		r.gotNote(ctx, n)
	}
	r.cleanup()
	if r.isReady() {
		r.gotReady(ctx)
	}
	select {
	case failure := <-r.failed:
		r.life.stop(time.Now(), failure) // after the exit; its signal has nobody to go to
	default:
	}
	return r.verdict(err)
}

// drainTime is how long the output may stay open from now on.
func (r *run) drainTime(ctx context.Context) time.Duration {
	if by, bounded := tend.StopBy(ctx); bounded {
		return r.c.drainWithin(time.Until(by))
	}
	return r.c.drainTimeout()
}

// withReader is what Wait has returned, or what the reader of Stdin has failed with. That output
// is held open is no failure, and would hide one.
func withReader(err, unread error) error {
	if errors.Is(err, exec.ErrWaitDelay) {
		return cmp.Or(unread, err)
	}
	return cmp.Or(err, unread)
}

// release kills the rest of the group while the leader holds its number.
func (r *run) release(e exit) {
	keep := r.c.Orphans == KeepOnSuccess && r.life.cause == nil && (!e.known || r.c.success(e.code))
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.held && !keep {
		_ = signalGroup(r.cmd.Process, sigKill) // an empty group is fine
	}
	r.pid = 0
}

// cleanup ends everything that served the process and waits for it.
func (r *run) cleanup() {
	r.over = true
	for _, f := range slices.Backward(r.closers) {
		f()
	}
	r.sink.close()
	r.helpers.Wait()
}

// verdict is what the end of the process means. waitErr is of Cmd.Wait.
func (r *run) verdict(waitErr error) error {
	if r.cmd.ProcessState == nil {
		return r.wrap(fmt.Errorf("its exit status is lost: %w", waitErr))
	}
	e := newExitError(r.c.String(), r.cmd.ProcessState, r.tail.text())
	e.Cause, e.Forced, e.grace, e.Ready = r.life.cause, r.life.forced, r.life.grace, r.life.wasReady
	e.Unsent, e.deaf = r.unsent, r.deaf
	clean := e.Signal == 0 && r.c.success(e.Code)
	var exitErr *exec.ExitError
	switch {
	case r.life.asked && !e.Forced && (clean || endedBy(e, r.life.stopSignal)):
		return r.wrap(e.Cause)
	case e.Cause != nil || !clean:
		return e
	case !e.Ready:
		e.Cause = fmt.Errorf("exited too early: %w", tend.ErrNotReady)
		return e
	case waitErr != nil && !errors.As(waitErr, &exitErr) && !errors.Is(waitErr, exec.ErrWaitDelay):
		return r.wrap(fmt.Errorf("Stdin: %w", waitErr))
	}
	return nil
}

// endedBy: sig ended it, or it says so, as shells and the JVM do that catch a signal
// in order to clean up.
func endedBy(e *ExitError, sig Signal) bool {
	return e.Signal == sig || e.Code == 128+int(sig)
}

// becameReady may be called by any goroutine, any number of times.
func (r *run) becameReady() { r.once.Do(func() { close(r.ready) }) }

// foundUp is becameReady for what the process does not say itself: it must run still. Its output
// may go on long after its exit.
func (r *run) foundUp() {
	if !r.isReleased() {
		r.becameReady()
	}
}

func (r *run) isReady() bool {
	select {
	case <-r.ready:
		return true
	default:
		return false
	}
}

func (r *run) setLastCheck(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lastCheck = err
}

func (r *run) notReadyBecause() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lastCheck
}

// signal sends sig with signalGroup or signalLeader. It may be called by any goroutine.
func (r *run) signal(to func(*os.Process, Signal) error, sig Signal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pid == 0 {
		return os.ErrProcessDone
	}
	return to(r.cmd.Process, sig)
}

// isReleased: its pid may be somebody else's by now.
func (r *run) isReleased() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pid == 0
}

func (r *run) setPid(pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pid = pid
}

func (r *run) runningPid() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pid
}

// setenv sets a variable of the child, also if Setup left Env nil.
func (r *run) setenv(key, value string) {
	r.cmd.Env = append(r.cmd.Environ(), key+"="+value)
}

// helper runs f in a goroutine that ends before Serve returns.
func (r *run) helper(what string, f func()) {
	r.helpers.Go(func() { r.guarded(what, f) })
}

// guarded runs f. If that panics or calls runtime.Goexit, it is a failure of the run.
func (r *run) guarded(what string, f func()) {
	exited := true
	defer func() {
		if exited {
			r.fail(fmt.Errorf("%s: %w", what, tend.ErrGoexit))
		}
	}()
	err := guard.Try(func() error { f(); return nil }, func(v any) error { return panicked(what, v) })
	exited = false
	if err != nil {
		r.fail(err)
	}
}

func (r *run) fail(err error) {
	select {
	case r.failed <- err:
	default:
	}
}
