package tend

import (
	"context"
	"fmt"
	"reflect"
	"runtime/pprof"
	"strconv"
)

// newNode makes the record of a service that is being added. It panics at
// whatever makes no sense, before anything is changed.
func (s *Supervisor) newNode(svc Service) *node {
	if svc == nil {
		panic(fmt.Sprintf("tend: supervisor %q: Add of a nil Service", s.name))
	}
	n := &node{svc: svc, sup: s}
	inner := svc
	if conf := asChild(svc); conf != nil {
		conf.check()
		n.more().conf, inner = conf, conf.Service
		n.name = conf.Name
	}
	if n.name == "" {
		n.name = nameOf(inner)
	}
	n.name = clean(n.name, maxName)
	if h, is := inner.(supervisorHolder); is {
		child := h.supervisor()
		child.made()
		s.adopt(child)
		n.set(isSupervisor, true)
		n.more().holds = child
	}
	return n
}

// maxName bounds names, in bytes.
const maxName = 256

// nameOf is what a service without a given name is called: what its String
// method says, or its type.
func nameOf(svc Service) (name string) {
	if s, is := svc.(fmt.Stringer); is {
		guard(func() { name = s.String() })
	}
	if name == "" {
		name = reflect.TypeOf(svc).String()
	}
	return name
}

// label is the value of the pprof label "service": the name does not have to be
// unique, with the token's number it is.
func (n *node) label() string {
	b := make([]byte, 0, 64) // on the stack, if it fits
	b = append(append(b, n.name...), '#')
	return string(strconv.AppendUint(b, n.id, 10))
}

// labelled adds the label of the service to the context of its supervisor.
func (n *node) labelled(ctx context.Context) context.Context {
	return pprof.WithLabels(ctx, pprof.Labels("service", n.label()))
}
