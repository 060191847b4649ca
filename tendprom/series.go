package tendprom

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/survey"
)

// collectSupervisor sends the series of a supervisor.
func collectSupervisor(to chan<- prometheus.Metric, path string, s *survey.Supervisor) {
	for state, n := range s.States {
		to <- servicesByState.of(float64(n), path, tend.State(state).String())
	}
	to <- restarts.of(float64(s.Restarts), path)
	to <- failures.of(float64(s.Failures), path)
	to <- pauses.of(float64(s.Pauses), path)
	to <- escalations.of(float64(s.Escalations), path)
	to <- stuck.of(float64(s.Stuck), path)
	to <- gaveUp.of(float64(s.GaveUp), path)
	to <- serving.of(truth(s.Serving), path)
	to <- ready.of(truth(s.Ready), path)
	to <- paused.of(truth(s.Paused), path)
	to <- failureLevel.of(s.Level, path)
	to <- failureThreshold.of(s.Threshold, path)
	if s.HasMail() {
		collectMail(to, path, s)
	}
}

// collectMail sends the series of the actors of a supervisor, added up: their names may be
// keys, of which there are many.
func collectMail(to chan<- prometheus.Metric, path string, s *survey.Supervisor) {
	to <- messages.of(float64(s.Mail.Waiting), path)
	to <- full.of(s.Mail.Full, path)
	to <- oldest.of(s.Mail.Oldest.Seconds(), path)
	to <- handling.of(s.Mail.Handling.Seconds(), path)
	to <- questions.of(float64(s.Mail.Open), path)
	to <- lost.of(float64(s.Lost), path)
}

// collectServices sends the series of the services of one name. They are up while all
// of them are: an alert on 0 is for each of them.
func collectServices(to chan<- prometheus.Metric, k survey.Key, g *survey.Group) {
	up := g.States == [tend.StateGone]int{tend.StateRunning: g.States[tend.StateRunning]}
	to <- serviceUp.of(truth(up), k.Supervisor, k.Service)
	for state, n := range g.States {
		if n > 0 {
			to <- serviceState.of(float64(n), k.Supervisor, k.Service, tend.State(state).String())
		}
	}
	to <- serviceSince.of(seconds(g.Since), k.Supervisor, k.Service)
	if !g.Start.IsZero() {
		to <- serviceStart.of(seconds(g.Start), k.Supervisor, k.Service)
	}
	to <- serviceRestarts.of(float64(g.Restarts), k.Supervisor, k.Service)
	to <- serviceFailures.of(float64(g.Failures), k.Supervisor, k.Service)
	if g.Limit > 0 {
		to <- serviceRecent.of(float64(g.Recent), k.Supervisor, k.Service)
		to <- serviceLimit.of(float64(g.Limit), k.Supervisor, k.Service)
	}
	if g.Mail.Actors > 0 {
		to <- serviceMessages.of(float64(g.Mail.Waiting), k.Supervisor, k.Service)
		to <- serviceOldest.of(g.Mail.Oldest.Seconds(), k.Supervisor, k.Service)
		to <- serviceHandling.of(g.Mail.Handling.Seconds(), k.Supervisor, k.Service)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// seconds is a time as Prometheus writes it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }
