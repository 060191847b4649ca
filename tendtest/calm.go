package tendtest

import (
	"strings"
	"time"

	"github.com/tend-go/tend"
)

// settle ends a storm.
func (w *weather) settle() {
	w.say("calm")
	w.tree.faults.healAll()
	for len(w.visitors) > 0 {
		w.leave()
	}
	w.tree.rest()
}

// mostCalm is how long the status may put off the end of a storm.
const mostCalm = 2 * time.Hour

// await waits until everything is up that is to run. It returns what is not, a line each.
func (w *weather) await() (down string) {
	begin := time.Now()
	limit := begin.Add(w.Calm)
	for {
		w.serve()
		w.tree.rest()
		status := w.tree.Root.Status()
		w.bringBack(&status)
		down, until := w.look(&status)
		if at := until.Add(w.Calm); down != "" && at.After(limit) && at.Before(begin.Add(mostCalm)) {
			limit = at
		}
		if down == "" || !time.Now().Before(limit) {
			return down
		}
		time.Sleep(w.Calm / 60)
	}
}

// bringBack starts what the storm has suspended, or had fail for good.
func (w *weather) bringBack(status *tend.Status) {
	for _, s := range status.All() {
		isDown := s.State == tend.StateFailed || s.State == tend.StateSuspended
		isGoing := s.State == tend.StateStopping || s.State == tend.StateStuck
		if !w.off[s.Token.ID()] && (isDown || isGoing && !s.Wanted) { // else it was not the storm, or comes by itself
			_ = w.tree.Root.Restart(s.Token, nil)
		}
	}
}

// look is what is not up, and until when the status says that it waits; zero: it does not.
func (w *weather) look(status *tend.Status) (down string, until time.Time) {
	var lines strings.Builder
	for _, s := range status.All() {
		if !w.off[s.Token.ID()] && s.State != tend.StateRunning && s.State != tend.StateDone {
			lines.WriteString("\t" + s.Path + " " + s.State.String())
			if !s.WaitingFor.IsZero() {
				lines.WriteString(", waits for " + s.WaitingFor.Error())
			}
			if n := len(s.Failures); n > 0 {
				lines.WriteString(", has failed with " + s.Failures[n-1].Err.Error())
			}
			lines.WriteString("\n")
			until = latest(until, s.WaitingUntil, s.StopBy)
		}
		if s.Supervisor != nil {
			until = latest(until, s.Supervisor.PausedUntil)
		}
	}
	return lines.String(), latest(until, status.PausedUntil)
}

func latest(at time.Time, others ...time.Time) time.Time {
	for _, other := range others {
		if other.After(at) {
			at = other
		}
	}
	return at
}
