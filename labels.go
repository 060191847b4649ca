package tend

import (
	"context"
	"runtime/pprof"
	"strconv"
)

// The keys of the pprof labels. They are this package's own: a service may set its
// "service" and "supervisor", and pprof has one value for a key.
const (
	serviceLabel    = "tend.service"    // name and number of the service, "pool#17"
	supervisorLabel = "tend.supervisor" // path of its supervisor
)

// label is the value of serviceLabel: the name does not have to be unique, with the
// token's number it is.
func (n *node) label() string {
	b := make([]byte, 0, 64) // on the stack, if it fits
	b = append(append(b, n.name...), '#')
	return string(strconv.AppendUint(b, n.id, 10))
}

// labelled adds the label of the service to the context of its supervisor.
func (n *node) labelled(ctx context.Context) context.Context {
	return pprof.WithLabels(ctx, pprof.Labels(serviceLabel, n.label()))
}

// labels keep the labelled context of a service over its runs in one time of being
// served. Only services with a rare part keep it: they have a history, or may have
// one, and making labels takes a tenth of a restart. For others 152 bytes more for
// each would be a high price.
type labels struct {
	ctx  context.Context
	term *term // that ctx is of
}

func (l *labels) of(n *node, base context.Context, t *term) context.Context {
	if l.term != t {
		l.ctx, l.term = n.labelled(base), t
	}
	return l.ctx
}
