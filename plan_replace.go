package tend

// replace puts another service into the place of one, to run when that has left.
func (p *plan) replace(now instant, m replace) {
	if !m.n.holder().stays() {
		p.turnAway(m.by, ErrRemoved)
		p.reply(m.to, ErrRemoved)
		return
	}
	p.follow(now, m.n, m.by)
	p.reply(m.to, nil)
}

// follow puts a service into the place of a seat.
func (p *plan) follow(now instant, seat, by *node) {
	old := seat.holder()
	by.id, by.succeeds().seat = seat.id, seat
	p.link(by, old)
	p.doubles++
	p.count(now, by)
	by.want, by.number = old.want, old.number
	p.supplant(now, old, by)
}

// supplant gives the place of one to another, with all that was and is asked of it.
func (p *plan) supplant(now instant, old, by *node) {
	by.outlast(old)
	old.seat().succeeds().holder = by
	by.inherit(old)
	p.arrived(by)
	if old.is(isMember) { // the status lists it as another one
		old.set(isMember, false)
		p.members--
	}
	old.want = wantGone
	if old.is(alive) {
		p.ask(now, old, replaced)
		return
	}
	p.changed(now, old, replaced, by.state)
	p.decided(old, ErrReplaced, false)
	p.leave(now, old, ErrReplaced)
}
