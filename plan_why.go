package tend

// why says why a run was asked to stop.
type why uint8

const (
	unasked why = iota
	stopping
	removal
	suspension
	restarting
	siblingFailed
	replaced
	notReady
	unresponsive
	blamed // Restart with a cause: rare.blame
	before // the supervisor stopped when it was served the last time: rare.blame
)

// isFailure: what a stop for this reason counts as, once the service returned.
func (w why) isFailure() bool { return w == notReady || w == unresponsive || w == blamed }

// comesBack: who was asked for this reason, and is to run when it has returned, was told to by
// Restart, then or since.
func (w why) comesBack() bool { return w == restarting || w == suspension }

// reasons are those that are the same for all.
var reasons = [blamed]Reason{
	removal:       known(ErrRemoved),
	suspension:    known(ErrSuspended),
	restarting:    known(ErrRestartRequested),
	siblingFailed: known(ErrSiblingFailed),
	replaced:      known(ErrReplaced),
	notReady:      known(ErrNotReady),
	unresponsive:  known(ErrUnresponsive),
}

var serveReturned = known(errServeReturned)

// cause is why n was asked to stop, as its context says it; none while it was not.
func (p *plan) cause(n *node) Reason { return p.reason(n, n.why) }

// reason is why n is asked to stop for w.
func (p *plan) reason(n *node, w why) Reason {
	switch w {
	case stopping:
		if p.phase == serving {
			return p.doom
		}
		return p.stop.cause
	case blamed, before:
		return n.rare.blame
	default:
		return reasons[w]
	}
}

// stoppingFor is why n is being stopped, as its status says it.
func (p *plan) stoppingFor(n *node) Reason {
	if n.why == unasked && (n.state == StateStopping || n.state == StateStuck) {
		return serveReturned
	}
	return p.cause(n)
}
