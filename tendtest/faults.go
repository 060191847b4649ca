package tendtest

import (
	"fmt"
	"time"

	"github.com/tend-go/tend/internal/fault"
)

// ErrFault is what a start fails with because of [Tree.FailStart], and the cause in the
// context of a service that [Tree.Fail], [Tree.Panic] or [Tree.Exit] ends.
var ErrFault = fault.Err

// Fail has the services that match and run fail with err, once, and waits until everything
// has come to rest. What a service does is not torn off, as nothing in Go can be: its context
// ends, with [ErrFault] as the cause, and when its Serve has returned err is in place of what
// that was. What its helpers say from then on is told beside it. An actor fails with the next
// message that it takes in hand, which is lost, and not before. The test fails at once if none
// runs.
func (tr *Tree) Fail(pattern string, err error) {
	tr.t.Helper()
	if err == nil {
		tr.t.Fatalf("tendtest: Fail(%q) with a nil error", pattern)
	}
	tr.strike(fmt.Sprintf("Fail(%q)", pattern), pattern, ending{how: returns, err: err})
}

// Panic is Fail with a panic of that value.
func (tr *Tree) Panic(pattern string, value any) {
	tr.t.Helper()
	if value == nil {
		tr.t.Fatalf("tendtest: Panic(%q) with nil", pattern)
	}
	tr.strike(fmt.Sprintf("Panic(%q)", pattern), pattern, ending{how: panics, value: value})
}

// Exit is Fail with a call of [runtime.Goexit].
func (tr *Tree) Exit(pattern string) {
	tr.t.Helper()
	tr.strike(fmt.Sprintf("Exit(%q)", pattern), pattern, ending{how: exits})
}

// Hang has services ignore the end of their contexts: asked to stop, they go on. Of an actor
// the end of the run is held back.
func (tr *Tree) Hang(pattern string) {
	tr.t.Helper()
	tr.rule("Hang", pattern, rule{effects: effects{hang: true}})
}

// SlowStop has services hear of the end of their contexts that much later.
func (tr *Tree) SlowStop(pattern string, d time.Duration) {
	tr.t.Helper()
	if d <= 0 {
		tr.t.Fatalf("tendtest: SlowStop(%q) of %v", pattern, d)
	}
	tr.rule("SlowStop", pattern, rule{effects: effects{slow: d}})
}

// NeverReady has nobody hear it when services say that they are ready, in runs that begin
// from now on. To a service that does not have to say so, as it has no ReadyTimeout and is no
// supervisor, it does nothing.
func (tr *Tree) NeverReady(pattern string) {
	tr.t.Helper()
	tr.rule("NeverReady", pattern, rule{effects: effects{mute: true}})
}

// FailStart has the next n runs of each service fail at once, with [ErrFault], without the
// service being called. Another one for the same service is in place of it.
func (tr *Tree) FailStart(pattern string, n int) {
	tr.t.Helper()
	if n <= 0 {
		tr.t.Fatalf("tendtest: FailStart(%q) of %d", pattern, n)
	}
	tr.rule("FailStart", pattern, rule{starts: n, failed: map[uint64]int{}})
}

// Heal ends all that was said before of the services that match: those that hang hear now
// that they are to stop, and those that were never ready have what they said heard. It waits until everything in the bubble has come to rest.
func (tr *Tree) Heal(pattern string) {
	tr.t.Helper()
	tr.rule("Heal", pattern, rule{heals: true})
}

// rule adds a rule.
func (tr *Tree) rule(call, pattern string, r rule) {
	tr.t.Helper()
	r.pattern, r.call = pattern, fmt.Sprintf("%s(%q)", call, pattern)
	tr.faults.add(&r, tr.paths())
	if r.heals && pattern == "**" {
		tr.faults.healAll() // which forgets the rules
	}
	tr.rest()
}

// paths are those of all services.
func (tr *Tree) paths() (list []string) {
	status := tr.Root.Status()
	for _, s := range status.All() {
		list = append(list, s.Path)
	}
	return list
}

// strike ends the runs of services that match.
func (tr *Tree) strike(call, pattern string, e ending) {
	tr.t.Helper()
	tr.rest()
	struck := tr.faults.strike(pattern, e)
	for deadline := time.Now().Add(patience); len(struck) == 0 && tr.before.bubble == "" && time.Now().Before(deadline); {
		time.Sleep(patience / 100) // it may have been launched, and not begun
		struck = tr.faults.strike(pattern, e)
	}
	if len(struck) == 0 {
		tr.t.Fatalf("tendtest: %s: no service that matches runs; there are\n%s", call, tr.known())
	}
	tr.rest()
	if tr.before.bubble == "" {
		tr.await(call, struck)
	}
}

// await waits, outside of a bubble, until the tree knows that runs have ended.
func (tr *Tree) await(call string, struck []*victim) {
	tr.t.Helper()
	deadline := time.Now().Add(mostReal)
	for _, v := range struck {
		for v.next == nil && tr.isOn(v) {
			if time.Now().After(deadline) {
				tr.t.Fatalf("tendtest: %s: %s has not returned %v after its context ended", call, v.Path, mostReal)
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// isOn: for the tree a run has not ended.
func (tr *Tree) isOn(v *victim) bool {
	status := tr.Root.Status()
	for _, s := range status.All() {
		if s.Token.ID() == v.Service {
			return v.isRun(s.Incarnation, s.State) || v.isRun(s.Beside.Incarnation, s.Beside.State)
		}
	}
	return false
}

// mostReal is how long things may take outside of a bubble.
const mostReal = 10 * time.Second
