// Package history is the external checker: it judges what happened by records alone, and
// knows nothing of nodes, leases or plans.
package history

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// What says what a record is about. Records are written as they are, one JSON object a line.
type What string

// What processes, the resource and the driver note.
const (
	Start  What = "start"  // Serve of Shard begins under Token
	Told   What = "told"   // its context has ended
	Stop   What = "stop"   // Serve has returned, with all its helpers and calls
	Act    What = "act"    // the resource got Token; Taken: and did what was asked
	Pause  What = "pause"  // the process stands still from now on
	Resume What = "resume" // and goes on
	Dead   What = "dead"   // the process is gone with all that it ran
	Heal   What = "heal"   // the last fault is over
)

// Record is one thing that happened.
type Record struct {
	At      time.Duration `json:"at"` // of a clock that all processes share
	What    What          `json:"what"`
	Process string        `json:"process,omitempty"`
	Shard   string        `json:"shard,omitempty"` // with its role
	Token   int64         `json:"token,omitempty"`
	Taken   bool          `json:"taken,omitempty"`
	Since   time.Duration `json:"since,omitempty"` // of an act: when the resource heard of it, no later than At
	Cause   string        `json:"cause,omitempty"` // why it was told
}

// Report is what the checker found. Nothing wrong: all but the counters are empty.
type Report struct {
	Overlaps                 []string // two runs of one shard at once, that no pause explains
	Stale                    []string // an act with a token lower than one seen before, that no pause explains
	Taken                    []string // such an act that the resource accepted, whatever explains it
	Tokens                   []string // a start with a token that is not newer than the last
	Ownerless                []string // a shard without a run at the end
	Intervals, Acts, Refused int
	Explained                int // overlaps and stale acts of processes that had been paused
}

// Err is an error that names what was found first, or nil.
func (r Report) Err() error {
	for _, found := range []struct {
		what string
		list []string
	}{{"overlap", r.Overlaps}, {"stale act", r.Stale}, {"stale act taken", r.Taken}, {"token", r.Tokens}, {"no owner", r.Ownerless}} {
		if len(found.list) > 0 {
			return fmt.Errorf("%s, %d in all, the first: %s", found.what, len(found.list), found.list[0])
		}
	}
	return nil
}

// Check judges the records. shards are those that must have an owner at the end; nil if
// nothing must.
func Check(records []Record, shards []string) Report {
	c := checker{paused: map[string][]span{}, runs: map[string][]*run{}, highest: map[string]int64{}, started: map[string]*run{}, tried: map[string]time.Duration{}}
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b Record) int { return cmp.Compare(a.At, b.At) })
	for _, r := range records {
		c.pauses(r)
	}
	for _, r := range records {
		c.take(r)
	}
	c.overlaps()
	c.ownerless(shards)
	return c.Report
}

type checker struct {
	Report
	paused  map[string][]span
	runs    map[string][]*run        // by shard, in the order of starts
	started map[string]*run          // those that are open, by process and shard
	highest map[string]int64         // token seen by the resource
	tried   map[string]time.Duration // when a process last acted on a shard, by both
}

type span struct{ from, to time.Duration }

type run struct {
	process, shard string
	token          int64
	span
	told time.Duration // forever: it was not
	open bool
}

const forever = time.Duration(1<<63 - 1)

func (c *checker) pauses(r Record) {
	spans := c.paused[r.Process]
	switch r.What {
	case Pause:
		c.paused[r.Process] = append(spans, span{r.At, forever})
	case Resume, Dead:
		if n := len(spans); n > 0 && spans[n-1].to == forever {
			spans[n-1].to = r.At
		}
	default:
	}
}

func (c *checker) take(r Record) {
	switch r.What {
	case Start:
		c.start(r)
	case Told:
		if open := c.started[r.Process+" "+r.Shard]; open != nil {
			open.told = min(open.told, r.At)
		}
	case Stop:
		c.stop(r.Process, r.Shard, r.At)
	case Dead:
		for _, open := range c.started {
			if open.process == r.Process {
				c.stop(open.process, open.shard, r.At)
			}
		}
	case Act:
		c.act(r)
	default: // for readers
	}
}

func (c *checker) start(r Record) {
	c.Intervals++
	now := &run{r.Process, r.Shard, r.Token, span{r.At, forever}, forever, true}
	if before := c.runs[r.Shard]; len(before) > 0 {
		last := before[len(before)-1]
		if r.Token < last.token || r.Token == last.token && r.Process != last.process {
			c.Tokens = append(c.Tokens, fmt.Sprintf("%s starts at %v with token %d at %s, after %d at %s",
				r.Shard, r.At, r.Token, r.Process, last.token, last.process))
		}
	}
	c.runs[r.Shard] = append(c.runs[r.Shard], now)
	c.started[r.Process+" "+r.Shard] = now
}

func (c *checker) stop(process, shard string, at time.Duration) {
	if open := c.started[process+" "+shard]; open != nil {
		open.to, open.open = at, false
		delete(c.started, process+" "+shard)
	}
}

func (c *checker) act(r Record) {
	c.Acts++
	if !r.Taken {
		c.Refused++
	}
	if r.Token >= c.highest[r.Shard] {
		c.highest[r.Shard] = r.Token
		c.tried[r.Process+" "+r.Shard] = r.At
		return
	}
	what := fmt.Sprintf("%s acts on %s at %v with token %d, and %d was seen", r.Process, r.Shard, r.At, r.Token, c.highest[r.Shard])
	if r.Taken {
		c.Taken = append(c.Taken, what)
	}
	if c.woke(r) {
		c.Explained++
		return
	}
	c.Stale = append(c.Stale, what)
}

// woke: the process stood still when its successor started, and this is the first that it
// tried for the shard since then. Whatever it tries after that it has to answer for: it was
// refused.
func (c *checker) woke(r Record) bool {
	at := c.successor(r.Shard, r.Token)
	by := r.Process + " " + r.Shard
	last := c.tried[by]
	c.tried[by] = r.At
	return c.stoodStill(r.Process, at) && last <= at
}

// successor is when the first run with a newer token started.
func (c *checker) successor(shard string, token int64) time.Duration {
	for _, r := range c.runs[shard] {
		if r.token > token {
			return r.from
		}
	}
	return forever
}

// waking is how long a process that stood still may take to tell its services.
const waking = 200 * time.Millisecond

// stoodStill: a pause of the process was noted that began before a moment and lasted until
// it at least.
func (c *checker) stoodStill(process string, at time.Duration) bool {
	return slices.ContainsFunc(c.paused[process], func(p span) bool { return p.from <= at && at <= p.to })
}

// wasWoken: the run was told when its process had stood still, and before its successor
// started. It had no more time to return.
func (c *checker) wasWoken(a *run, successor time.Duration) bool {
	return a.told <= successor && slices.ContainsFunc(c.paused[a.process], func(p span) bool {
		return p.from <= a.told && a.told-p.to < waking // the driver notes the end of a pause when it has ended
	})
}

func (c *checker) overlaps() {
	for _, runs := range c.runs {
		for i, a := range runs {
			for _, b := range runs[i+1:] {
				if b.from >= a.to {
					continue
				}
				if c.stoodStill(a.process, b.from) || c.wasWoken(a, b.from) {
					c.Explained++
					continue
				}
				c.Overlaps = append(c.Overlaps, fmt.Sprintf("%s runs at %s under %d until %v, and at %s under %d from %v",
					a.shard, a.process, a.token, a.to, b.process, b.token, b.from))
			}
		}
	}
	slices.Sort(c.Overlaps)
}

func (c *checker) ownerless(shards []string) {
	for _, shard := range shards {
		if !slices.ContainsFunc(c.runs[shard], func(r *run) bool { return r.open }) {
			c.Ownerless = append(c.Ownerless, shard)
		}
	}
}
