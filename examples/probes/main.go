// Command probes asks a changing set of targets how they are, and publishes what
// changes: probe_failed after three failures in a row, probe_recovered after that.
//
//	probes [-interval d] [-v]
//
// Its targets are HTTP servers of its own, which it makes sick, hang, come and go.
// README.md walks through it.
package main

import (
	"context"
	"errors"
	"expvar"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

func main() {
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, restore) // a second signal ends it at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program: it returns the exit code. 0: all went as it should, or it
// was asked to stop and did; 1: it did not; 2: the command line makes no sense.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("probes", flag.ContinueOnError)
	flags.SetOutput(stderr)
	interval := flags.Duration("interval", 200*time.Millisecond, "from one probe of a target to the next")
	verbose := flags.Bool("v", false, "log every change of health, too, and what has failed once or twice")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case *interval <= 0 || flags.NArg() > 0:
		fmt.Fprintf(stderr, "probes: -interval is %v, and what is %q?\n", *interval, flags.Args())
		return 2
	}
	log := slog.New(slog.DiscardHandler)
	if *verbose {
		log = slog.New(slog.NewTextHandler(stderr, nil))
	}
	if err := demo(ctx, *interval, newBroker(stdout), log, stderr); err != nil && ctx.Err() == nil {
		fmt.Fprintln(stderr, "probes:", err)
		return 1
	}
	return 0
}

// story is the demonstration: who is in it.
type story struct {
	games  *games
	broker *broker
	health *health.Prober
	count  *expvar.Map // of events
}

// demo builds the tree and serves it until the story has been told.
//
// The tree is ordered: what was added last stops first. So nobody probes
// containers that are being stopped, and the story ends it all.
func demo(ctx context.Context, interval time.Duration, b *broker, log *slog.Logger, stderr io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute+100*interval)
	defer cancel()
	s := &story{games: newGames(), broker: b, count: new(expvar.Map)}
	var err error
	s.health, err = newProber(prober{
		list: s.games.list, publish: b.publish, count: s.count, log: log,
		interval: interval, timeout: interval, failures: 3,
	})
	if err != nil {
		return err
	}
	root := tend.New("probes", tend.Spec{Ordered: true, EventHook: func(e tend.Event) {
		if e.Level() >= slog.LevelWarn {
			fmt.Fprintln(stderr, e)
		}
	}})
	root.Add(s.games.containers)
	root.Add(s.health)
	root.Add(tend.Child{Name: "story", Service: tend.Func("story", s.tell), Restart: tend.Temporary, Significant: true})
	if err := root.Serve(ctx); !errors.Is(err, tend.ErrDoNotRestart) { // which is how it ends with the story
		return err
	}
	return s.sumUp()
}

// tell is the story.
func (s *story) tell(ctx context.Context) error {
	for _, chapter := range []func(context.Context) error{
		s.begin, s.sickness, s.brokerDown, s.replacement, s.departure,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// game is the name of the n-th.
func game(n int) string { return fmt.Sprintf("game-%02d", n) }

func (s *story) begin(ctx context.Context) error {
	s.broker.say("Forty games run. Twenty of them hang, which the others do not notice.")
	for n := range 40 {
		c, err := s.games.start(game(n))
		if err != nil {
			return err
		}
		if n >= 20 {
			c.feel(hangs)
		}
	}
	for n := range 20 {
		if err := s.broker.awaitEvent(ctx, probeFailed, game(20+n)); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) sickness(ctx context.Context) error {
	s.broker.say("%s answers 503.", game(7))
	s.container(7).feel(sick)
	return s.broker.awaitEvent(ctx, probeFailed, game(7))
}

func (s *story) brokerDown(ctx context.Context) error {
	s.broker.say("The broker goes down. %s is well again, but that cannot be published.", game(7))
	s.broker.set(true)
	s.container(7).feel(well)
	if err := s.broker.awaitRejections(ctx, 2); err != nil {
		return err
	}
	s.broker.say("The broker is back. Nothing was lost.")
	s.broker.set(false)
	return s.broker.awaitEvent(ctx, probeRecovered, game(7))
}

func (s *story) replacement(ctx context.Context) error {
	s.broker.say("%s falls sick, and gets a new container, which starts afresh: it has not recovered from anything.", game(3))
	s.container(3).feel(sick)
	if err := s.broker.awaitEvent(ctx, probeFailed, game(3)); err != nil {
		return err
	}
	fresh, err := s.games.start(game(3))
	if err != nil {
		return err
	}
	for {
		p, there := s.probeOf(game(3))
		if there && p.Instance == fresh.Container && p.State == health.Healthy {
			return nil
		}
		if err := s.health.CheckNow(ctx); err != nil { // lists and asks; on a slow machine more than twice
			return err
		}
	}
}

func (s *story) departure(ctx context.Context) error {
	s.broker.say("%s goes, and is forgotten.", game(5))
	s.games.stop(game(5))
	if err := s.health.CheckNow(ctx); err != nil {
		return err
	}
	if p, there := s.probeOf(game(5)); there {
		return fmt.Errorf("%s is still there: %+v", game(5), p)
	}
	s.broker.say("The program stops. That makes nobody sick.")
	return nil
}

// sumUp looks at what was published, after all has stopped. On a slow machine more
// may have failed and recovered than the story tells of, but never out of order.
func (s *story) sumUp() error {
	failed := map[string]bool{} // by container: what was published last
	for _, e := range s.broker.events() {
		if failed[e.Container] == (e.Type == probeFailed) {
			return fmt.Errorf("%s of %s, which had failed: %v", e.Type, e.Container, failed[e.Container])
		}
		failed[e.Container] = e.Type == probeFailed
	}
	for n := 20; n < 40; n++ {
		if !failed[s.container(n).Container] {
			return fmt.Errorf("%s hangs and has not failed", game(n))
		}
	}
	s.broker.say("%v failed, %v recovered.", s.count.Get(probeFailed), s.count.Get(probeRecovered))
	return nil
}

func (s *story) container(n int) *container {
	s.games.mu.Lock()
	defer s.games.mu.Unlock()
	return s.games.running[game(n)]
}

func (s *story) probeOf(game string) (health.ProbeStatus, bool) {
	probes := s.health.Snapshot(health.Readiness).Probes
	i := slices.IndexFunc(probes, func(p health.ProbeStatus) bool { return gameOf(p.Name) == game })
	if i < 0 {
		return health.ProbeStatus{}, false
	}
	return probes[i], true
}
