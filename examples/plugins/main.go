// Command plugins hosts plugins that are processes of their own, and shows what
// becomes of one that crashes and of one that hangs.
//
//	plugins [-speed n]
//
// It is its own plugin program too: "plugins plugin". README.md walks through it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/tend-go/tend"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == pluginCommand {
		os.Exit(runPlugin(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, restore) // a second signal ends it at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program: it returns the exit code. 0: all went as it should, or it
// was asked to stop and did; 1: it did not; 2: the command line makes no sense.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	speed, err := parseArgs(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	program, err := os.Executable()
	if err == nil {
		err = demo(ctx, program, usual.faster(speed), &lockedWriter{w: stdout})
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(stderr, "plugins:", err)
		return 1
	}
	return 0
}

func parseArgs(args []string, stderr io.Writer) (speed float64, err error) {
	flags := flag.NewFlagSet("plugins", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Float64Var(&speed, "speed", 60, "how many times faster than usual, 1 to 60; at 1 it takes minutes")
	if err := flags.Parse(args); err != nil {
		return 0, err
	}
	switch {
	case !(speed >= 1 && speed <= 60):
		err = fmt.Errorf("-speed is %v, not 1 to 60", speed)
	case flags.NArg() > 0:
		err = fmt.Errorf("what is %q?", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(stderr, "plugins:", err)
	}
	return speed, err
}

// lockedWriter lets several goroutines print lines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// demo runs three plugins until two of them have failed for good, then repairs
// those as an operator would. All the while the third one is at work.
func demo(ctx context.Context, program string, r rules, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute+10*r.interval)
	defer cancel()
	events := newEventLog(out)
	h, err := newHost(r, events.hook)
	if err != nil {
		return err
	}
	calendar := newProcess(program, "calendar", noFault, r, out)
	zoom := newProcess(program, "zoom", crashes, r, out)
	github := newProcess(program, "github", hangs, r, out)
	for _, p := range []*pluginProcess{calendar, zoom, github} {
		if err := h.add(p.name, p, p.child()); err != nil {
			return err
		}
	}
	ended := h.root.ServeBackground(ctx)
	talk := keepCalling(ctx, calendar)

	for range 2 {
		err = errors.Join(err, events.await(ctx, func(e tend.Event) bool { _, ok := e.(tend.ServiceGaveUp); return ok }))
	}
	if err == nil {
		fmt.Fprintf(out, "\n%s\n", h.root.Status())
		err = repair(ctx, h, events, zoom, github)
	}
	fmt.Fprintf(out, "\n%s\n%s\n", talk(), h.root.Status())
	h.root.Stop()
	if left := h.root.UnstoppedServices(); len(left) > 0 {
		err = errors.Join(err, fmt.Errorf("%s did not stop", left[0].Path()))
	}
	return errors.Join(err, <-ended)
}

// repair is the operator: it removes the faults and resets the plugins, which
// nothing else would start again.
func repair(ctx context.Context, h *host, events *eventLog, broken ...*pluginProcess) error {
	for _, p := range broken {
		p.setFault(noFault)
		err := h.reset(p.name)
		if err == nil {
			err = events.await(ctx, func(e tend.Event) bool {
				ready, ok := e.(tend.ServiceReady)
				return ok && ready.Service == p.name
			})
		}
		if err == nil {
			err = p.Ping(ctx)
		}
		if err != nil {
			return fmt.Errorf("reset of %s: %w", p.name, err)
		}
	}
	return nil
}

// keepCalling calls p all the time. The function that it returns ends that and
// says how it went.
func keepCalling(ctx context.Context, p *pluginProcess) func() string {
	ctx, cancel := context.WithCancel(ctx)
	result := make(chan string, 1)
	go func() {
		var calls, failed int
		var slowest time.Duration
		for ctx.Err() == nil {
			began := time.Now()
			answer, err := p.Call(ctx, "upper are you there?")
			switch {
			case err == nil && answer == "ARE YOU THERE?":
				calls++
				slowest = max(slowest, time.Since(began))
			case ctx.Err() == nil && calls > 0:
				failed++
			}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
		result <- fmt.Sprintf("%s answered %d calls meanwhile, the slowest within %v; %d failed",
			p.name, calls, slowest.Round(time.Millisecond), failed)
	}()
	return func() string {
		cancel()
		return <-result
	}
}

// eventLog prints the events that an operator would want to see, and passes all of
// them on to await.
type eventLog struct {
	out   io.Writer
	began time.Time
	seen  chan tend.Event
}

func newEventLog(out io.Writer) *eventLog {
	return &eventLog{out: out, began: time.Now(), seen: make(chan tend.Event, 1000)}
}

func (l *eventLog) hook(e tend.Event) {
	switch e.(type) {
	case tend.ServiceStarted, tend.SupervisorStarted, tend.SupervisorStopped, tend.ServiceEnded:
	default:
		fmt.Fprintf(l.out, "%6.2fs %v\n", time.Since(l.began).Seconds(), e)
	}
	select {
	case l.seen <- e:
	default: // nobody awaits anything any more
	}
}

// await waits for an event, past ones that no other call has looked at included.
func (l *eventLog) await(ctx context.Context, want func(tend.Event) bool) error {
	for {
		select {
		case e := <-l.seen:
			if want(e) {
				return nil
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
