package periodic_test

import (
	"context"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/periodic"
	"github.com/tend-go/tend/tendtest"
)

// TestJobsKeepTheLawsOfServices, while they wait and while they run.
func TestJobsKeepTheLawsOfServices(t *testing.T) {
	run := func(ctx context.Context) error {
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
		return nil
	}
	for name, make := range map[string]func() tend.Service{
		"a job":    func() tend.Service { return &periodic.Job{Interval: time.Minute, Run: run} },
		"waits":    func() tend.Service { return &periodic.Job{Interval: time.Minute, InitialDelay: time.Hour, Run: run} },
		"a ticker": func() tend.Service { return periodic.Ticker("tick", 300*time.Millisecond, run) },
		"at a gate": func() tend.Service {
			job := &periodic.Job{Interval: time.Minute, Run: run}
			(&periodic.Gate{MinGap: time.Second}).Join(job)
			return job
		},
	} {
		t.Run(name, func(t *testing.T) { tendtest.TestService(t, make) })
	}
}
