package tend

import (
	"fmt"
	"reflect"

	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/latent"
	"github.com/tend-go/tend/internal/said"
)

// newNode makes the record of a service that is being added. It panics at
// whatever makes no sense, before anything is changed.
func (s *Supervisor) newNode(svc Service) *node {
	if svc == nil {
		panic(fmt.Sprintf("tend: supervisor %q: Add of a nil Service", s.name))
	}
	return s.newRecord(svc, nil)
}

// newRecord is newNode for a service that is to have the place of another one; nil: its own.
func (s *Supervisor) newRecord(svc Service, seat *node) *node {
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
	n.name = said.Clean(n.name, maxName)
	if seat != nil {
		n.name = seat.name
	}
	if l, is := latent.Of(inner); is {
		l.Enter((*ofRun)(n))
		n.set(isLatent, true)
		n.set(isMember, l.IsMember())
		n.takeSettings(l)
	}
	if child, direct := supervisorIn(inner); child != nil || direct {
		child.made()
		if n.conf().Watchdog > 0 {
			panic(fmt.Sprintf("tend: Child %q: Watchdog is set on a supervisor, for which nobody can call Alive", n.name))
		}
		s.adopt(child, n)
		n.set(isSupervisor, true)
		n.set(isDirect, direct)
		n.more().holds = child
	}
	return n
}

// takeSettings has a latent service go by the settings of its kind, if it has any: they fill in
// what its own leave zero or, if it has none, are looked up there.
func (n *node) takeSettings(l latent.Service) {
	kind, _ := l.Settings().(*Child)
	if kind == nil || *kind == defaults {
		return
	}
	if n.rare == nil {
		n.set(hasKind, true)
		return
	}
	whole := *kind
	whole.Service = n.rare.conf.Service
	own := *n.rare.conf
	own.Service = whole
	n.rare.conf = own.whole()
}

// mayReplace is what the service that has the place of n says of that.
func (n *node) mayReplace() error {
	var svc Service
	n.sup.query(func(*plan, instant) { svc = n.holder().svc })
	if stays, is := innermost(svc).(interface{ MayReplace() error }); is {
		return stays.MayReplace()
	}
	return nil
}

// maxName bounds names, in bytes.
const maxName = 256

// nameOf is what a service without a given name is called: what its String
// method says, or its type.
func nameOf(svc Service) (name string) {
	if s, is := svc.(fmt.Stringer); is {
		guard.Do(func() { name = s.String() })
	}
	if name == "" {
		name = reflect.TypeOf(svc).String()
	}
	return name
}
