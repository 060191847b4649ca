package health_test

import (
	"context"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
	"github.com/tend-go/tend/tendtest"
)

// TestProbersKeepTheLawsOfServices, and services that they guard.
func TestProbersKeepTheLawsOfServices(t *testing.T) {
	probe := health.Probe{Name: "ping", Kind: health.Liveness, Interval: 300 * time.Millisecond, Check: func(ctx context.Context) error {
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
		return context.Cause(ctx)
	}}
	prober := func() *health.Prober {
		p, err := health.New(health.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, make := range map[string]func() tend.Service{
		"idle": func() tend.Service { return prober() },
		"busy": func() tend.Service {
			p := prober()
			if err := p.Add(probe); err != nil {
				t.Fatal(err)
			}
			return p
		},
		"guarded": func() tend.Service {
			child, err := prober().Guard("db", tendtest.Idle("db"), probe)
			if err != nil {
				t.Fatal(err)
			}
			return child
		},
	} {
		t.Run(name, func(t *testing.T) { tendtest.TestService(t, make) })
	}
}
