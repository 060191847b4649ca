package tend

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestDeadlinesComeInOrder, whoever is taken out meanwhile; and what was taken out is held
// no more.
func TestDeadlinesComeInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		var h deadlines
		var in []deadline
		for range r.IntN(40) {
			d := deadline{instant(r.IntN(20)), &node{}}
			h.push(d.at, d.n)
			in = append(in, d)
		}
		for range r.IntN(len(in) + 1) {
			i := r.IntN(len(in))
			h.drop(in[i].n)
			h.drop(in[i].n) // again it changes nothing
			in = slices.Delete(in, i, i+1)
		}
		slices.SortStableFunc(in, func(a, b deadline) int { return cmp.Compare(a.at, b.at) })
		for _, want := range in {
			if h.next() != want.at {
				t.Fatalf("the next is at %d, want %d", h.next(), want.at)
			}
			h.drop(h[0].n)
		}
		if h.next() != never || len(h) != 0 {
			t.Fatalf("at the end %d are left", len(h))
		}
		for i, d := range h[:cap(h)] {
			if d.n != nil {
				t.Fatalf("place %d holds what was taken out", i)
			}
		}
	}
}

// TestDeadlinesOfAMassStopAreGivenBack when it is over; those of every day keep their memory.
func TestDeadlinesOfAMassStopAreGivenBack(t *testing.T) {
	for places, want := range map[int]int{1024: 1024, 1025: 0} {
		h := make(deadlines, 0, places)
		a, b := &node{}, &node{}
		h.push(1, a)
		h.push(2, b)
		h.drop(a)
		if cap(h) != places {
			t.Errorf("of %d places %d are left before it is over", places, cap(h))
		}
		h.drop(b)
		if cap(h) != want {
			t.Errorf("of %d places %d are left, want %d", places, cap(h), want)
		}
	}
}
