package tend

// succession is who comes after whom in one place of the list. A place is what a token
// stands for: mostly of one record, and while one service takes the place of another of
// several, next to each other in the list, with the same number.
type succession struct {
	// seat is the first record of the place, whose token it has; nil: this one.
	seat *node
	// holder is, of a seat, the record that the token means now; nil: this one.
	holder *node
	// after is who must have left before this one may run, and heir who waits so for this
	// one; nil: nobody.
	after, heir *node
	// relief runs beside this one, and takes its place when it is ready; nil: nobody. asker
	// waits for that, of the relief itself; nil: it is none.
	relief *node
	asker  call
	// bereft: this one has the place because the one before it was removed, which is no end by
	// its own will.
	bereft bool
	// runs is, of a seat, the number of the latest run in its place.
	runs uint64
	// left is told when the place of a seat is empty; the plan never looks at it.
	left leaver
}

// alone is the succession of all that have the place for themselves.
var alone succession

// comes is the succession of n, to be looked at.
func (n *node) comes() *succession {
	if n.rare == nil || n.rare.succession == nil {
		return &alone
	}
	return n.rare.succession
}

// succeeds is the succession of n, to be changed.
func (n *node) succeeds() *succession {
	r := n.more()
	if r.succession == nil {
		r.succession = &succession{}
	}
	return r.succession
}

// seat is the record whose token n has.
func (n *node) seat() *node {
	if s := n.comes().seat; s != nil {
		return s
	}
	return n
}

// holder is the record that a token means now.
func (n *node) holder() *node {
	if h := n.comes().holder; h != nil {
		return h
	}
	return n
}

// stays: n is in the list, and nobody has asked it to leave.
func (n *node) stays() bool { return n.want != wantGone && n.state != StateGone }

// waits: n, which does not run, may not before another one has left.
func (n *node) waits() bool { return n.comes().after != nil || n.isTrial() && n.isThird() }

// isThird: there is one more in the place of n, which is on trial, than n and the holder: before
// them, as it had the place before, or after them, as it was on trial before.
func (n *node) isThird() bool { return n.isWith(n.next) || n.isWith(n.seat().holder().prev) }

// isWith: another one, if there is one, is in the place of n.
func (n *node) isWith(other *node) bool { return other != nil && other.id == n.id }

// isTrial: n runs beside another one, or is to, and has not taken its place.
func (n *node) isTrial() bool { return n.comes().asker != nil }

// nextRun is the number of the run of n that begins now: of all in its place the highest.
func (n *node) nextRun() uint64 {
	s := n.seat().comes()
	if s == &alone {
		return n.number + 1
	}
	s.runs = max(s.runs, n.number) + 1
	return s.runs
}

// shares: there are others in the place of n, which is in the list.
func (n *node) shares() bool { return n.neighbour() != nil }

// neighbour is another one in the place of n; nil if there is none.
func (n *node) neighbour() *node {
	switch {
	case n.isWith(n.prev):
		return n.prev
	case n.isWith(n.next):
		return n.next
	default:
		return nil
	}
}

// outlast has n wait until another one has left, if that has not.
func (n *node) outlast(other *node) {
	if other.state != StateGone {
		n.succeeds().after, other.succeeds().heir = other, n
	}
}

// pass takes n, which leaves, out of its line. It returns who waits for nobody any more;
// nil if nobody does.
func (n *node) pass() (next *node) {
	s := n.comes()
	if s.after != nil {
		s.after.succeeds().heir = s.heir
	}
	if s.heir != nil {
		s.heir.succeeds().after = s.after
	}
	if s.after == nil {
		next = s.heir
	}
	return next
}

// placeAfter is the state of the place of n when n comes into a state.
func (n *node) placeAfter(next State) State {
	s := n.comes()
	switch {
	case next != StateGone:
	case n.isTrial() && n.seat().holder() != n:
		return n.seat().holder().state
	case s.relief != nil:
		return s.relief.state
	case n.isWith(s.heir):
		return s.heir.state
	}
	return next
}

// shown is the record whose run the status of n tells: as long as n waits for another one in
// its place, that one.
func (n *node) shown() *node {
	for !n.is(alive) && n.isWith(n.comes().after) {
		n = n.comes().after
	}
	return n
}

// other is who runs beside n, whose run is shown, in one place with it; nil if nobody does.
func (n *node) other() *node {
	s := n.comes()
	switch {
	case s.relief != nil && s.relief.is(alive):
		return s.relief
	case n.isWith(s.after):
		return s.after
	default:
		return nil
	}
}
