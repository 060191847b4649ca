package tend

// waiter is a caller that waits for a state of a service.
type waiter struct {
	state State
	to    call
	next  *waiter
}

// wait answers when the service is in the state, at once if it is; or when it will not
// come there: never, or not run unless it is called back.
func (p *plan) wait(m wait) {
	n := m.n.holder()
	switch {
	case n.state == m.state:
		p.reply(m.to, nil)
	case n.state == StateGone:
		p.reply(m.to, ErrRemoved)
	case m.state == StateRunning && n.state == StateDone:
		p.reply(m.to, ErrNotReady)
	case m.state == StateRunning && n.state == StateFailed:
		p.reply(m.to, failureOf(n.lastFailure()))
	default:
		n.await(m.state, m.to)
	}
}

// await has the caller answered when n comes into the state.
func (n *node) await(state State, to call) {
	r := n.more()
	r.waiting = &waiter{state, to, r.waiting}
}

// unwait forgets a caller that has given up: it may do so again and again.
func (p *plan) unwait(m unwait) {
	if n := m.n.holder(); n.rare != nil {
		n.rare.release(func(w *waiter) bool { return w.to == m.to })
	}
}

// release takes out who is meant.
func (r *rare) release(meant func(*waiter) bool) {
	for at := &r.waiting; *at != nil; {
		if w := *at; meant(w) {
			*at = w.next
		} else {
			at = &w.next
		}
	}
}

// arrived answers those who wait for the state in which n is now.
func (p *plan) arrived(n *node) {
	if n.rare == nil || n.rare.waiting == nil {
		return
	}
	n.rare.release(func(w *waiter) bool {
		if w.state == n.state {
			p.reply(w.to, nil)
		}
		return w.state == n.state
	})
}

// answer answers those who wait for n to run, which it will not, and all if it has
// left.
func (p *plan) answer(n *node, err error) {
	if n.rare == nil {
		return
	}
	n.rare.release(func(w *waiter) bool {
		in := n.state == StateGone || w.state == StateRunning
		if in {
			p.reply(w.to, err)
		}
		return in
	})
}

// reply answers somebody, last of all that the message does.
func (p *plan) reply(to call, err error) { p.replies = append(p.replies, reply{to, err}) }
