package suture

import (
	"iter"
	"maps"
	"weak"
)

// weakSet does not hold what is in it.
type weakSet[T any] struct {
	all  map[weak.Pointer[T]]struct{}
	room room
}

func (s *weakSet[T]) add(v *T) {
	if s.all == nil {
		s.all = map[weak.Pointer[T]]struct{}{}
	}
	s.all[weak.Make(v)] = struct{}{}
	if s.room.isFull(len(s.all)) {
		maps.DeleteFunc(s.all, func(p weak.Pointer[T], _ struct{}) bool { return p.Value() == nil })
		s.room.fit(len(s.all))
	}
}

// values yields what is still there.
func (s *weakSet[T]) values() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for p := range s.all {
			if v := p.Value(); v != nil && !yield(v) {
				return
			}
		}
	}
}

// room says when it is worth looking for what is gone in a map of weak pointers: when
// that may be half of all.
type room int

func (r room) isFull(n int) bool { return n > max(8, int(r)) }
func (r *room) fit(n int)        { *r = room(2 * n) }
