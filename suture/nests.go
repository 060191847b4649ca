package suture

import (
	"maps"
	"weak"
)

// nests are the services of a supervisor below which there are others. It does not
// hold them.
type nests struct {
	services map[weak.Pointer[entry]]struct{}
	room     room
}

func (n *nests) add(e *entry) {
	if n.services == nil {
		n.services = map[weak.Pointer[entry]]struct{}{}
	}
	n.services[weak.Make(e)] = struct{}{}
	if n.room.isFull(len(n.services)) {
		maps.DeleteFunc(n.services, func(e weak.Pointer[entry], _ struct{}) bool { return e.Value() == nil })
		n.room.fit(len(n.services))
	}
}

// below are the supervisors that a service serves, or has served. It holds one from the
// time when that is served until the end of that has been told, as events of it name it:
// the value is nil otherwise.
type below map[weak.Pointer[Supervisor]]*Supervisor

// add holds s, and lets go of those before it: that of their end may have been lost.
func (b below) add(s *Supervisor) {
	for p := range b {
		if o := p.Value(); o == nil {
			delete(b, p)
		} else if !o.serving.Load() {
			b[p] = nil
		}
	}
	b[weak.Make(s)] = s
}

// room says when it is worth looking for what is gone in a map of weak pointers: when
// that may be half of all.
type room int

func (r room) isFull(n int) bool { return n > max(64, int(r)) }
func (r *room) fit(n int)        { *r = room(2 * n) }
