package peer

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// raw is the limit: one goroutine with its own cancellable context for each
// service, and nothing else but what is needed to see the work done.
type raw struct {
	// below: contexts are made below one that can be cancelled, as a program does
	// that ends them all with its own.
	below bool
}

func (p raw) Name() string {
	if p.below {
		return LimitBelow
	}
	return Limit
}

func (raw) Module() string { return "" }

func (p raw) Setup() string {
	if p.below {
		return "The same with all contexts below one that can be cancelled, as most programs have it: each is kept in a map of its parent."
	}
	return "The limit: a goroutine and a context.WithCancel(context.Background()) for each service, one WaitGroup for all. " +
		"It restarts in a loop in the same goroutine, with a new context each time, and keeps the program counters of a panic. " +
		"It tells of a restart by a call, and each subscriber by a channel with room for 1,024; what it shows of each service is a name and a state, which it does not look up. " +
		"Only where services are removed one by one each has a channel that is closed at its end. " +
		"Its tree is goroutines that start, and wait for, those below them, with contexts below theirs. " +
		"Its actors are a channel and a goroutine that goes on in a loop after a panic; to ask is to send a new channel of size one along."
}

func (p raw) Cannot(a Ability) string {
	switch {
	case a == List:
		return "there is no list"
	case p.below && (a == Hook || a == Subscribe || a == Show):
		return "it would be the same"
	case p.below && a == Act:
		return "they would have no contexts"
	case a == Key:
		return "there is no map of them"
	case a == Inline:
		return "that would be a mutex"
	default:
		return ""
	}
}

func (p raw) New(c Config) Supervisor {
	s := newRaw(c, background())
	if p.below {
		s.parent, s.cancel = context.WithCancel(s.parent)
	}
	if c.Events != nil {
		s.told = append(s.told, func() { c.Events.Add(1) })
	}
	for range c.Subscribers {
		s.told = append(s.told, s.subscriber(c.Told))
	}
	return s
}

// subscriber has a goroutine count what it is told.
func (s *rawSupervisor) subscriber(told *atomic.Int64) (tell func()) {
	events := make(chan rawEvent, 1024)
	s.events = append(s.events, events)
	s.subscribers.Go(func() {
		for range events {
			told.Add(1)
		}
	})
	return func() { events <- rawEvent{at: time.Now(), err: errRaw} }
}

// rawEvent is the least that an event says.
type rawEvent struct {
	at  time.Time
	err error
}

var errRaw = errors.New("failed")

func newRaw(c Config, parent context.Context) *rawSupervisor {
	s := &rawSupervisor{parent: parent, cancels: make([]context.CancelFunc, c.Services)}
	if c.Removes {
		s.ended = make([]chan struct{}, c.Services)
	}
	return s
}

type rawSupervisor struct {
	parent  context.Context    // of the contexts of services
	cancel  context.CancelFunc // ends parent; nil if that never ends
	started bool
	works   []Work // added before the start
	below   []*rawSupervisor
	cancels []context.CancelFunc
	ended   []chan struct{} // if services are removed
	wg      sync.WaitGroup

	told        []func()        // are called when a service is restarted
	events      []chan rawEvent // of the subscribers
	subscribers sync.WaitGroup
}

func (s *rawSupervisor) Add(i int, w Work) {
	if !s.started {
		s.works = append(s.works, w)
		return
	}
	s.launch(i, w)
}

func (s *rawSupervisor) launch(i int, w Work) {
	ctx, cancel := context.WithCancel(s.parent)
	s.cancels[i] = cancel
	s.wg.Add(1)
	if s.ended != nil {
		ended := make(chan struct{})
		s.ended[i] = ended
		go func() {
			defer s.wg.Done()
			defer close(ended)
			s.loop(ctx, w)
		}()
		return
	}
	go func() {
		defer s.wg.Done()
		s.loop(ctx, w)
	}()
}

// loop is the restart loop. The first run uses ctx, each further one a context
// below it.
func (s *rawSupervisor) loop(ctx context.Context, w Work) {
	_, _ = once(ctx, w)
	for ctx.Err() == nil {
		for _, tell := range s.told {
			tell()
		}
		again, cancel := context.WithCancel(ctx)
		_, _ = once(again, w)
		cancel()
	}
}

// once calls Serve, and keeps where it panicked.
func once(ctx context.Context, w Work) (panicked []uintptr, err error) {
	defer func() {
		if v := recover(); v != nil {
			panicked = make([]uintptr, 64)
			panicked = panicked[:runtime.Callers(2, panicked)]
		}
	}()
	return nil, w.Serve(ctx)
}

func (s *rawSupervisor) Nest(c Config) Supervisor {
	child := newRaw(c, nil) // its parent is made by Start
	s.below = append(s.below, child)
	return child
}

func (s *rawSupervisor) Start() {
	s.started = true
	if s.cancel == nil && len(s.below) > 0 {
		s.parent, s.cancel = context.WithCancel(s.parent)
	}
	for _, child := range s.below {
		child.parent, child.cancel = context.WithCancel(s.parent)
		s.wg.Go(child.serve)
	}
	for i, w := range s.works {
		s.launch(i, w)
	}
}

// serve is the goroutine of a nested supervisor. It ends after all below it has.
func (s *rawSupervisor) serve() {
	s.Start()
	<-s.parent.Done()
	s.wg.Wait()
}

func (s *rawSupervisor) Remove(i int) {
	s.cancels[i]()
	<-s.ended[i]
}

func (s *rawSupervisor) List() int { panic("there is no list") }

// rawStatus is the least that there is to show of a service.
type rawStatus struct{ Name, State string }

// Show implements [Shower].
func (s *rawSupervisor) Show() (all any, services int) {
	list := make([]rawStatus, len(s.cancels))
	for i := range list {
		list[i] = rawStatus{"idle", "running"}
	}
	return list, len(list)
}

func (s *rawSupervisor) Stop() {
	if s.cancel != nil {
		s.cancel()
	} else {
		for _, cancel := range s.cancels {
			if cancel != nil {
				cancel()
			}
		}
	}
	s.wg.Wait()
	for _, events := range s.events {
		close(events)
	}
	s.subscribers.Wait()
}
