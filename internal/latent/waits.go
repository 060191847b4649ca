package latent

import (
	"context"
	"sync"
)

// Waits are who of a tree waits for whom, of those who may not: a handler that waits
// handles nothing, so a circle of them would never end.
type Waits struct {
	mu sync.Mutex
	of map[any]*edge
}

// Wait is what a handler waits for. Anybody may ask whether that is over: it is before the
// handler goes on, and whoever has ended it may wait for that one by then.
type Wait interface{ IsOver() bool }

type edge struct {
	to   any
	wait Wait
}

// Begin notes that self waits for other, and returns what ends that; nil: it would close a
// circle.
func (w *Waits) Begin(self, other any, wait Wait) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for next := other; ; {
		if next == self {
			return nil
		}
		e := w.of[next]
		if e == nil || e.wait.IsOver() {
			break
		}
		next = e.to
	}
	if w.of == nil {
		w.of = map[any]*edge{}
	}
	e := &edge{other, wait}
	w.of[self] = e
	return func() { w.end(self, e) }
}

// end notes that self waits for nobody, unless it waits again.
func (w *Waits) end(self any, e *edge) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of[self] == e {
		delete(w.of, self)
	}
}

// SelfKey is the key under which the context of a handler has whose that is.
type SelfKey struct{}

// Detached is ctx for a goroutine beside the handler, which waits for itself alone.
func Detached(ctx context.Context) context.Context { return detached{ctx} }

type detached struct{ context.Context }

func (d detached) Value(key any) any {
	if _, is := key.(SelfKey); is {
		return nil
	}
	return d.Context.Value(key)
}
