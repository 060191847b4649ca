package tend

import (
	"math"
	"time"

	"github.com/tend-go/tend/internal/timerid"
)

// instant is a moment, as the time since the supervisor was made.
type instant = time.Duration

// never is the instant that does not come.
const never instant = math.MaxInt64

// timer is one of the purposes for which a supervisor's loop keeps a timer: one
// timer each, armed for the earliest deadline.
type timer uint8

const (
	stopTimer timer = iota
	backoffTimer
	readyTimer
	watchdogTimer
	pauseTimer
	timers // how many
)

func (t timer) id() int {
	return [...]int{timerid.Stop, timerid.Backoff, timerid.Ready, timerid.Watchdog, timerid.Pause}[t]
}

// schedule is what is to be done at some time. Most supervisors have nothing that is due
// before they stop, so it is made when something is.
type schedule struct {
	heaps [pauseTimer]deadlines // by timer
	armed [timers]instant
}

// times is the schedule.
func (p *plan) times() *schedule {
	if p.schedule == nil {
		p.schedule = &schedule{armed: [timers]instant{never, never, never, never, never}}
	}
	return p.schedule
}

// next is when t is due next.
func (p *plan) next(t timer) instant {
	switch {
	case t == pauseTimer && p.pause.on:
		return p.pause.ends
	case t == pauseTimer:
		return never
	default:
		return p.times().heaps[t].next()
	}
}

// due puts n into the heap of t. Its state must have been set before: put takes it
// out of the heap of the old one.
func (p *plan) due(t timer, n *node, at instant) {
	if at != never {
		p.times().heaps[t].push(at, n)
	}
}

// undue takes n out of the heap of t, if it is in.
func (p *plan) undue(t timer, n *node) {
	if n.slot != 0 {
		p.schedule.heaps[t].drop(n)
	}
}

// deadlines is a heap of services by the time at which something is due for
// them. A service is in one heap at most and knows its place, so that a million
// of equal deadlines cost a slice entry each, and leaving costs no search.
type deadlines []deadline

type deadline struct {
	at instant
	n  *node
}

// next is the earliest deadline.
func (h deadlines) next() instant {
	if len(h) == 0 {
		return never
	}
	return h[0].at
}

func (h *deadlines) push(at instant, n *node) {
	*h = append(*h, deadline{at, n})
	h.up(len(*h) - 1)
}

// drop takes n out, if it is in.
func (h *deadlines) drop(n *node) {
	if n.slot == 0 {
		return
	}
	i, last := int(n.slot)-1, len(*h)-1
	n.slot = 0
	moved := (*h)[last]
	(*h)[last] = deadline{}
	*h = (*h)[:last]
	if i == last {
		if last == 0 && cap(*h) > 1024 {
			*h = nil // a mass stop is over
		}
		return
	}
	// The last one of the heap is from another branch: it may be due before what is
	// above its new place, or after what is below it.
	(*h)[i] = moved
	h.up(i)
	h.down(int(moved.n.slot) - 1)
}

func (h deadlines) up(i int) {
	d := h[i]
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].at <= d.at {
			break
		}
		h.set(i, h[parent])
		i = parent
	}
	h.set(i, d)
}

func (h deadlines) down(i int) {
	d := h[i]
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].at < h[child].at {
			child++
		}
		if d.at <= h[child].at {
			break
		}
		h.set(i, h[child])
		i = child
	}
	h.set(i, d)
}

func (h deadlines) set(i int, d deadline) {
	h[i] = d
	d.n.slot = int32(i + 1)
}
