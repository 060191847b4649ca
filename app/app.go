package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/asked"
	"github.com/tend-go/tend/internal/said"
)

// How long the end of a program waits for what is not its own: the logger, the
// writer, each error of a service, and the disk that a crash bundle goes to.
const (
	grace       = 2 * time.Second
	bundleGrace = 5 * time.Second
)

// Main serves the tree until it is asked to stop or ends by itself, and then ends
// the program with its exit code; see the package documentation. It is [Run] with
// [os.Exit], and so does not return: deferred calls of main are not made.
func Main(root *tend.Supervisor, o Options) {
	p := newProgram(root, o)
	signals, _ := listen() // to the very end
	os.Exit(p.run(context.Background(), signals))
}

// Run is [Main] for programs that have something to do afterwards, and for tests:
// it returns the exit code. The end of ctx begins a graceful stop as a signal does.
//
// When Run returns, the tree has stopped, but for services that did not; only
// after a second SIGINT it may be in the middle of stopping. Run catches signals
// for the whole program; only one may run at a time, and Supervisor.Serve must not
// be called meanwhile. It panics if root is nil, or Options make no sense.
func Run(ctx context.Context, root *tend.Supervisor, o Options) int {
	p := newProgram(root, o)
	signals, restore := listen()
	defer restore()
	return p.run(ctx, signals)
}

// program is one call of Run. Its loop waits for signals and for the tree, and for
// nothing else for long.
type program struct {
	root    *tend.Supervisor
	options Options
	scribe  scribe
	log     *slog.Logger // by scribe

	tree      *asked.Question[tend.Status]
	journal   *journal
	systemd   *systemd
	bundles   *bundler
	listeners *listeners
	dumps     errand
	reloads   errand
	stop      stopping
}

func newProgram(root *tend.Supervisor, o Options) *program {
	o = o.withDefaults(root)
	p := &program{root: root, options: o}
	p.log = slog.New(p.scribe.over(o.Logger.Handler()))
	o.Logger, p.options.Logger = p.log, p.log
	p.tree = &asked.Question[tend.Status]{Ask: root.Status}
	p.systemd = newSystemd(o, p.tree)
	p.listeners = newListeners(o, p.tree, p.stop.began.Load)
	p.journal = &journal{root: root.Path(), done: make(chan struct{})}
	p.bundles = &bundler{dir: o.CrashDir, name: root.Name(), root: root, tree: p.tree, journal: p.journal, log: p.log}
	p.journal.escalated = p.bundles.escalated
	p.journal.stopping = p.stopBegan
	p.dumps.do = p.dump
	return p
}

func (p *program) run(ctx context.Context, signals <-chan os.Signal) int {
	if ctx.Err() != nil {
		p.ended(ctx, 0, nil, nil)
		return 0
	}
	asked := ctx.Done()                                        // before anything is served: whose context that is, it may panic
	own, end := context.WithCancel(context.WithoutCancel(ctx)) // of what outlives the tree
	defer end()
	if err := errors.Join(p.bundles.open(own), p.listeners.open(own)); err != nil {
		p.log.LogAttrs(ctx, slog.LevelError, "cannot start", slog.Any("error", err))
		p.close()
		p.ended(ctx, 1, err, nil)
		return 1
	}
	defer p.close()

	reloading, tell := context.WithCancel(own)
	p.stop.tell = tell
	p.reloads.do = func() { p.reload(reloading) }

	serving, stop := context.WithCancelCause(own)
	p.stop.end = stop
	defer stop(nil)
	go p.journal.read(p.root.Events(own))
	go p.systemd.run(own)
	ended := p.root.ServeBackground(serving)
	go p.awaitReady(own, time.Now())
	return p.loop(ctx, asked, serving, signals, ended)
}

// close ends what run has opened.
func (p *program) close() {
	p.listeners.close()
	within(grace, p.bundles.close) // waits for a bundle that is being written
}

// loop waits for the end of the tree, and until then for all that may ask for it.
func (p *program) loop(ctx context.Context, asked <-chan struct{}, serving context.Context, signals <-chan os.Signal, ended <-chan error) int {
	for {
		select {
		case err := <-ended:
			p.stop.treeEnded()
			return orInsists(signals, p.insists, func() int { return p.finish(serving, err) })
		case <-asked:
			asked = nil
			p.ask(context.Cause(ctx))
		case <-p.delay():
			p.stopNow()
		case s := <-signals:
			if !p.heed(s) {
				return p.abort(s, signals)
			}
		}
	}
}

// awaitReady tells when the tree is ready for the first time.
func (p *program) awaitReady(ctx context.Context, began time.Time) {
	if p.root.WaitReady(ctx) != nil {
		return
	}
	p.systemd.enter(up)
	p.log.LogAttrs(ctx, slog.LevelInfo, "ready", slog.Duration("after", time.Since(began)))
}

// isUp: the tree has been ready, and is not stopping.
func (p *program) isUp() bool { return p.systemd.is(up) }

// finish is what there is to do when the tree has stopped.
func (p *program) finish(serving context.Context, err error) int {
	p.journal.wait(grace) // it may know why
	p.stopBegan(errEnded)
	unstopped := p.root.UnstoppedServices()
	if len(unstopped) > 0 {
		within(grace, func() { p.reportUnstopped(unstopped) })
		within(bundleGrace, func() { p.bundles.about(said.Times(len(unstopped), "service") + " did not stop") })
	}
	within(bundleGrace, p.bundles.wait)
	code := p.code(serving, err, len(unstopped))
	p.ended(serving, code, err, unstopped)
	return code
}

// code is the exit code. Finding out asks errors of services.
func (p *program) code(serving context.Context, err error, unstopped int) int {
	found := make(chan int, 1)
	within(grace, func() {
		given, _ := p.journal.exitCode()
		found <- exitCode(err, isEnd(serving, err), unstopped, given)
	})
	select {
	case code := <-found:
		return code
	default:
		return 1
	}
}

// ended says how the program ended: why, and why the exit code is not 0, if that is
// something else.
func (p *program) ended(ctx context.Context, code int, err error, unstopped []tend.ServiceStuck) {
	level := slog.LevelInfo
	if code != 0 {
		level = slog.LevelError
	}
	within(grace, func() {
		attrs := []slog.Attr{slog.Int("code", code), slog.Int("unstopped", len(unstopped))}
		text := fmt.Sprintf("ended with exit code %d", code)
		say := func(key, what string) {
			if what != "" {
				attrs = append(attrs, slog.String(key, what))
				text += ": " + what
			}
		}
		cause, key := err, "cause"
		if isEnd(ctx, err) {
			cause = context.Cause(ctx)
		}
		if code != 0 {
			_, given := p.journal.exitCode()
			if blamed := blame(err, unstopped, given); blamed != "" {
				say("error", blamed)
			} else {
				key = "error"
			}
		}
		say(key, p.root.Reason(cause).Error())
		p.log.LogAttrs(ctx, level, "ended", attrs...) // first: it never waits
		p.systemd.farewell(text)
	})
	p.scribe.wait(grace)
}

// abort is the end after a second SIGINT. Another one cuts short even this.
func (p *program) abort(s os.Signal, signals <-chan os.Signal) int {
	began := time.Now()
	again := func(s os.Signal) bool { return insists(s, time.Since(began)) }
	return orInsists(signals, again, func() int {
		within(grace, func() { p.print(fmt.Sprintf("%s again: ending at once; this still ran", s)) })
		within(bundleGrace, func() { p.bundles.about("ended by a second signal, " + s.String()) })
		p.scribe.wait(grace)
		return cutOff
	})
}

// orInsists is the code of end, which waits for much that is not this program's own, or
// cutOff as soon as a signal insists.
func orInsists(signals <-chan os.Signal, insists func(os.Signal) bool, end func() int) int {
	code := make(chan int, 1)
	go func() { code <- end() }()
	for {
		select {
		case code := <-code:
			return code
		case s := <-signals:
			if insists(s) {
				return cutOff
			}
		}
	}
}

// dump is what SIGUSR1 asks for.
func (p *program) dump() { p.print("as asked") }

// print writes the tree, and where it hangs, to Stderr in one piece.
func (p *program) print(title string) {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s: %s, %s\n", p.root.Name(), title, time.Now().Format(time.RFC3339))
	tree, err := p.tree.Answer(context.Background())
	if err != nil {
		fmt.Fprintln(&text, err)
	} else {
		fmt.Fprint(&text, tree)
	}
	printHung(&text, p.root, hanging(tree, p.root.UnstoppedServices()), false)
	_, _ = p.options.Stderr.Write(text.Bytes())
}

// reportUnstopped says what did not stop, and where it hangs if that is not where its
// "service stuck", which came a moment ago, has it.
func (p *program) reportUnstopped(unstopped []tend.ServiceStuck) {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s: %s did not stop\n", p.root.Name(), said.Times(len(unstopped), "service"))
	printHung(&text, p.root, hanging(tend.Status{}, unstopped), true)
	_, _ = p.options.Stderr.Write(text.Bytes())
}
