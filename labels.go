package tend

import (
	"context"
	"runtime/pprof"

	"github.com/tend-go/tend/internal/goroutines"
)

// labelled adds the label of the service to the context of its supervisor.
func (n *node) labelled(ctx context.Context, t *term) context.Context {
	return pprof.WithLabels(ctx, pprof.Labels(goroutines.Label, goroutines.LabelOf(t.path, n.name, n.id)))
}

// labels keep the labelled context of a service over its runs in one time of being
// served. Only services with a rare part keep it: they have a history, or may have
// one, and making labels takes a tenth of a restart. For others 136 bytes more for
// each would be a high price.
type labels struct {
	ctx  context.Context
	term *term // that ctx is of
}

func (l *labels) of(n *node, t *term) context.Context {
	if l.term != t {
		l.ctx, l.term = n.labelled(t.base, t), t
	}
	return l.ctx
}
