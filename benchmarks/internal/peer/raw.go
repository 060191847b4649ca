package peer

import (
	"context"
	"runtime"
	"sync"
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
		"Only where services are removed one by one each has a channel that is closed at its end. " +
		"Its tree is goroutines that start, and wait for, those below them, with contexts below theirs. " +
		"Its actors are a channel and a goroutine that goes on in a loop after a panic; to ask is to send a new channel of size one along."
}

func (p raw) Cannot(a Ability) string {
	switch {
	case a == List:
		return "there is no list"
	case a == Hook:
		return "there are no events"
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
	return s
}

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
			loop(ctx, w)
		}()
		return
	}
	go func() {
		defer s.wg.Done()
		loop(ctx, w)
	}()
}

// loop is the restart loop. The first run uses ctx, each further one a context
// below it.
func loop(ctx context.Context, w Work) {
	_, _ = once(ctx, w)
	for ctx.Err() == nil {
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

func (s *rawSupervisor) Stop() {
	if s.cancel != nil {
		s.cancel()
		s.wg.Wait()
		return
	}
	for _, cancel := range s.cancels {
		if cancel != nil {
			cancel()
		}
	}
	s.wg.Wait()
}
