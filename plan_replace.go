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

// overlap starts another service beside one, to take its place when it is ready. Beside one
// that does not run, or is being stopped, there is nothing to overlap with.
func (p *plan) overlap(now instant, m overlap) {
	old, by := m.n.holder(), m.by
	switch {
	case !old.stays():
		p.turnAway(by, ErrRemoved)
		p.reply(m.to, ErrRemoved)
	case p.phase != serving || p.isDoomed() || !old.is(alive) || old.state == StateStopping || old.state == StateStuck:
		p.follow(now, m.n, by)
		p.wait(wait{by, StateRunning, m.to})
	default:
		p.enter(now, m.n, old, by)
		last := old.comes().relief
		by.succeeds().asker, old.succeeds().relief = m.to, by
		if last != nil {
			p.dismiss(now, last, replaced)
		}
		p.again(now, by)
	}
}

// dismiss lets go of one that was to run beside another, or does.
func (p *plan) dismiss(now instant, n *node, w why) {
	n.want = wantGone
	if n.is(alive) {
		p.ask(now, n, w)
		return
	}
	p.decided(n, reasons[w].Err, false)
	p.leave(now, n, reasons[w].Err)
}

// decide ends the trial of one beside another, if there is one, as something else is to become of
// their place. It returns who has that: the one that was on trial, unless it has not begun.
func (p *plan) decide(now instant, old *node, w why) *node {
	relief := old.comes().relief
	switch {
	case relief == nil:
		return old
	case relief.is(alive):
		return p.relieve(now, old, reasons[w].Err)
	default:
		p.dismiss(now, relief, w)
		return old
	}
}

// relieve gives the place of one to the other that runs beside it, and returns that. Who waits
// for that learns err.
func (p *plan) relieve(now instant, old *node, err error) *node {
	relief := old.comes().relief
	p.reply(relief.comes().asker, err)
	relief.succeeds().asker, old.succeeds().relief = nil, nil
	p.supplant(now, old, relief)
	return relief
}

// follow puts a service into the place of a seat.
func (p *plan) follow(now instant, seat, by *node) {
	old := p.decide(now, seat.holder(), replaced)
	p.enter(now, seat, old, by)
	by.want = old.want
	p.supplant(now, old, by)
}

// enter puts a service into the list, in the place of a seat and after another one there.
func (p *plan) enter(now instant, seat, after, by *node) {
	by.id, by.succeeds().seat = seat.id, seat
	by.number = after.number
	p.link(by, after)
	p.doubles++
	p.count(now, by)
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
