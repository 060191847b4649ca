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

// mostCalm is how long the status may put off the end of a storm by what has been started in the
// calm, and so may never come up. What has not been is waited for as long as it says.
const mostCalm = 2 * time.Hour

// await waits until everything is up that is to run. It returns what is not, a line each.
func (w *weather) await() (down string) {
	limit := time.Now().Add(w.Calm)
	most := limit.Add(mostCalm)
	runs := w.runs()
	for {
		w.serve()
		w.tree.rest()
		status := w.tree.Root.Status()
		w.bringBack(&status)
		down, first, until := w.look(&status, runs)
		most = latest(most, first.Add(w.Calm))
		if at := until.Add(w.Calm); !at.After(most) {
			limit = latest(limit, at)
		}
		if down == "" || !time.Now().Before(limit) {
			return down
		}
		time.Sleep(w.Calm / 60)
	}
}

// runs are the incarnations of all services, by their numbers.
func (w *weather) runs() map[uint64]uint64 {
	numbers := map[uint64]uint64{}
	status := w.tree.Root.Status()
	for _, s := range status.All() {
		numbers[s.Token.ID()] = s.Incarnation
	}
	return numbers
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

// look is what is not up, and until when the status says that it waits: of what has not been
// started since it was as in runs, and of all; zero: it does not.
func (w *weather) look(status *tend.Status, runs map[uint64]uint64) (down string, first, until time.Time) {
	var lines strings.Builder
	until = status.PausedUntil
	for _, s := range status.All() {
		if s.Supervisor != nil {
			until = latest(until, s.Supervisor.PausedUntil)
		}
		if w.off[s.Token.ID()] || s.State == tend.StateRunning || s.State == tend.StateDone {
			continue
		}
		lines.WriteString("\t" + plight(s) + "\n")
		until = latest(until, s.WaitingUntil, s.StopBy)
		if s.Incarnation == runs[s.Token.ID()] {
			first = latest(first, s.WaitingUntil, s.StopBy)
		}
	}
	return lines.String(), first, until
}

// plight is what is the matter with a service that is not up.
func plight(s *tend.ServiceStatus) string {
	text := s.Path + " " + s.State.String()
	if !s.WaitingFor.IsZero() {
		text += ", waits for " + s.WaitingFor.Error()
	}
	if n := len(s.Failures); n > 0 {
		text += ", has failed with " + s.Failures[n-1].Err.Error()
	}
	return text
}

func latest(at time.Time, others ...time.Time) time.Time {
	for _, other := range others {
		if other.After(at) {
			at = other
		}
	}
	return at
}
