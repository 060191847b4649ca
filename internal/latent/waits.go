package latent

import (
	"context"
	"sync"
)

// Waits are who of a tree waits for whom, of those who may not: a handler that waits
// handles nothing, so a circle of them would never end.
type Waits struct {
	mu sync.Mutex
	of map[any]any
}

// Begin notes that self waits for other; false: that would close a circle.
func (w *Waits) Begin(self, other any) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for next := other; next != nil; next = w.of[next] {
		if next == self {
			return false
		}
	}
	if w.of == nil {
		w.of = map[any]any{}
	}
	w.of[self] = other
	return true
}

// End notes that self waits for nobody.
func (w *Waits) End(self any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.of, self)
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
