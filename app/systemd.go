package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/asked"
	"github.com/tend-go/tend/sdnotify" //nolint:depguard // a protocol and no sibling: it knows nothing of tend, see doc.go
)

// How often systemd is told how the program is.
const (
	busyPeriod  = time.Second     // while it starts or stops
	quietPeriod = 5 * time.Second // else; more often if the watchdog wants that
	// extension is the time that is asked for in each busyPeriod of a start or a stop
	// that goes on: a machine that stalls for nine seconds is not killed.
	extension = 10 * time.Second
)

// phase is where a program is in its life.
type phase uint8

const (
	starting phase = iota
	up             // ready has been said
	ending
)

// systemd tells systemd how the program is. It does nothing if nobody listens.
type systemd struct {
	enabled  bool
	notify   func(state ...string) (bool, error) // sdnotify.Send
	watchdog time.Duration                       // 0: there is none
	tree     *asked.Question[tend.Status]
	live     func(tend.Status) error
	log      *slog.Logger

	phase atomic.Uint32
	over  atomic.Bool   // nothing is said any more
	wake  chan struct{} // has a token when the phase has changed

	mu      sync.Mutex // held while something is said
	reloads bool       // a reload goes on, the end of which READY says
	again   bool       // READY is to be said again, as it did not arrive after a reload

	checking chan error // of run: the answer of live, while it is awaited
	last     string     // of run: the STATUS that has arrived
	warned   sync.Once
}

func newSystemd(o Options, tree *asked.Question[tend.Status]) *systemd {
	s := &systemd{
		enabled: sdnotify.Enabled(), notify: sdnotify.Send,
		tree: tree, live: o.Live, log: o.Logger, wake: make(chan struct{}, 1),
	}
	if s.enabled {
		var err error
		if s.watchdog, err = sdnotify.WatchdogInterval(); err != nil {
			s.warn(err)
		}
	}
	return s
}

// enter says that a phase has begun. Phases only go forward.
func (s *systemd) enter(next phase) {
	for now := s.phase.Load(); now < uint32(next); now = s.phase.Load() {
		if s.phase.CompareAndSwap(now, uint32(next)) {
			select {
			case s.wake <- struct{}{}:
			default:
			}
		}
	}
}

func (s *systemd) is(p phase) bool { return phase(s.phase.Load()) == p }

// run tells until ctx ends.
func (s *systemd) run(ctx context.Context) {
	if !s.enabled {
		return
	}
	for told := starting; ; {
		now := phase(s.phase.Load())
		if s.missed() {
			told = starting
		}
		say := []string{sdnotify.Stopping, sdnotify.ExtendTimeout(extension), sdnotify.Status("stopping")}
		if now != ending || told == ending { // else at once, and not when the tree has answered
			tree, err := s.tree.Answer(ctx)
			if ctx.Err() != nil {
				return
			}
			say = s.messages(now, now != told, tree, err)
		}
		if s.tell(say) {
			told = now
		}
		if !s.rest(ctx, s.period(now, told)) {
			return
		}
	}
}

// rest waits for the time of the next message, or for news. It is false when ctx
// has ended.
func (s *systemd) rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.wake:
	case <-ctx.Done():
		return false
	}
	return true
}

// period is how long to wait until the next message, in a phase that systemd has been
// told of or not.
func (s *systemd) period(now, told phase) time.Duration {
	period := busyPeriod
	if now == up && told == up {
		period = quietPeriod
	}
	if s.watchdog > 0 {
		period = min(period, s.watchdog/2)
	}
	return period
}

// messages are what there is to say of a tree, or of why it does not answer, in a
// phase that has just been entered or not.
func (s *systemd) messages(now phase, entered bool, tree tend.Status, problem error) []string {
	var say []string
	live := problem
	if problem == nil && now != ending {
		live = s.check(tree)
	}
	switch {
	case now == ending: // systemd's watchdog is off
		say = append(say, sdnotify.ExtendTimeout(extension))
	case now == up && entered:
		say = append(say, sdnotify.Ready)
	case now == starting && live == nil && isOnItsWay(tree):
		say = append(say, sdnotify.ExtendTimeout(extension))
	}
	if now != ending && s.watchdog > 0 && live == nil {
		say = append(say, sdnotify.Alive)
	}
	return append(say, sdnotify.Status(statusLine(now, tree, problem, live)))
}

// isOnItsWay: a service is starting that has not failed yet, nor has a supervisor
// above it. So a start may last as long as the ReadyTimeouts of all services in turn,
// and one that only tries again and again does not.
func isOnItsWay(s tend.Status) bool {
	for _, c := range s.Services {
		switch {
		case c.Failed > 0:
		case c.Supervisor != nil && c.Supervisor.Serving:
			if isOnItsWay(*c.Supervisor) {
				return true
			}
		case c.State == tend.StateStarting:
			return true
		}
	}
	return false
}

// checkTime is how long Options.Live may take: so long the next message waits for
// it, once.
const checkTime = time.Second

var errNoVerdict = errors.New("Options.Live does not return")

// check asks Options.Live. One that does not return is not asked again.
func (s *systemd) check(tree tend.Status) error {
	if s.checking != nil { // it has had its time
		return s.verdict()
	}
	answer := make(chan error, 1)
	s.checking = answer
	go func() { answer <- try(func() error { return s.live(tree) }) }()
	timer := time.NewTimer(checkTime)
	defer timer.Stop()
	select {
	case err := <-answer:
		s.checking = nil
		return err
	case <-timer.C:
		return s.verdict()
	}
}

// verdict is the answer, if it is there.
func (s *systemd) verdict() error {
	select {
	case err := <-s.checking:
		s.checking = nil
		return err
	default:
		return errNoVerdict
	}
}

// tell sends all of say, but for a status, the last of it, that has arrived already, and for
// READY during a reload: it would end that. It is false if not all arrived.
func (s *systemd) tell(say []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := say[len(say)-1]
	if status == s.last {
		say = say[:len(say)-1]
	}
	early := s.reloads && slices.Contains(say, sdnotify.Ready)
	if early {
		say = slices.DeleteFunc(say, func(word string) bool { return word == sdnotify.Ready })
	}
	if !s.send(say...) {
		return false
	}
	s.last = status
	return !early
}

// missed: the READY after a reload did not arrive, and is to be said again.
func (s *systemd) missed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	again := s.again
	s.again = false
	return again
}

// reloading says that a reload has begun, unless the stop has meanwhile: that comes last.
func (s *systemd) reloading() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reloads, s.again = true, false
	if !s.is(ending) {
		s.send(sdnotify.Reloading())
	}
}

// reloaded says that it is over, if the program is up.
func (s *systemd) reloaded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reloads = false
	s.again = s.is(up) && !s.send(sdnotify.Ready)
}

// farewell is the last that systemd hears: how the program ends. A stop may be so
// quick that run has had no time to say that it began. What is being said is said before.
func (s *systemd) farewell(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send(sdnotify.Stopping, sdnotify.Status(text))
	s.over.Store(true)
}

// send tells systemd. That may take a second; it may be called by anybody. It is false if
// systemd could not be told: if it did not read for that second, say.
func (s *systemd) send(state ...string) bool {
	if !s.enabled || len(state) == 0 || s.over.Load() {
		return true
	}
	_, err := s.notify(state...)
	if err != nil {
		s.warn(err)
	}
	return err == nil
}

// warn logs the first error.
func (s *systemd) warn(err error) {
	s.warned.Do(func() {
		s.log.LogAttrs(context.Background(), slog.LevelWarn, "systemd cannot be told", slog.Any("error", err))
	})
}
