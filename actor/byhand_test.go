package actor_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/fault"
	"github.com/tend-go/tend/internal/latent"
)

// worker is the only one of a tree, and works when the test tells it to: so a test of who
// has a turn when depends on no processor.
type worker struct {
	look func() // is called when a turn asks whether others wait; nil: nothing

	mu    sync.Mutex
	ready []latent.Task
}

// serveByHand serves a tree with these services. When it stops they have to be idle, as
// nobody has a turn then. Whatever is sent to them is to be followed by synctest.Wait.
func serveByHand(t *testing.T, services ...tend.Service) (*tend.Supervisor, *worker) {
	t.Helper()
	s, w := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}}), &worker{}
	for _, svc := range services {
		s.Add(svc)
	}
	s.ServeBackground(fault.With(t.Context(), w))
	synctest.Wait()
	return s, w
}

// work gives turns, in order, until nobody is ready.
func (w *worker) work() {
	for w.isCrowded() {
		w.turn(0)
	}
}

// turn gives a turn to who is ready as number i, and waits for what comes of it.
func (w *worker) turn(i int) {
	w.mu.Lock()
	t := w.ready[i]
	w.ready = slices.Delete(w.ready, i, i+1)
	w.mu.Unlock()
	if t.Turn(1) {
		w.put(t)
	}
	synctest.Wait()
}

func (w *worker) put(t latent.Task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ready = append(w.ready, t)
}

func (w *worker) isCrowded() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.ready) > 0
}

func (w *worker) Serve(ctx context.Context, _ fault.Run, serve func(context.Context) error) error {
	return serve(ctx)
}

func (w *worker) Link(_ fault.Run, _ latent.Service, l latent.Link) latent.Link {
	return worksFor{l, w}
}

// worksFor is a Link of which the worker is the scheduler.
type worksFor struct {
	latent.Link
	w *worker
}

func (l worksFor) Schedule(t latent.Task) { l.w.put(t) }

func (l worksFor) IsCrowded() bool {
	if l.w.look != nil {
		l.w.look()
	}
	return l.w.isCrowded()
}
