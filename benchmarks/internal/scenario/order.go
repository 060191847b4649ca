package scenario

// order is what one actor has seen of a sequence of numbers, the next of which is always a
// step further. The zero order has seen nothing; only step need be set.
type order struct {
	step, next int
	n, wrong   int // how many numbers, and how many of them out of order
}

// see is for each number that comes.
func (o *order) see(m int) {
	if o.n > 0 && m != o.next {
		o.wrong++
	}
	o.next = m + o.step
	o.n++
}
