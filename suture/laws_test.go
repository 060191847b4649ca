package suture_test

import (
	"context"
	"testing"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/suture"
	"github.com/tend-go/tend/tendtest"
)

// TestSupervisorsKeepTheLawsOfServices, those of suture's API too.
func TestSupervisorsKeepTheLawsOfServices(t *testing.T) {
	tendtest.TestService(t, func() tend.Service {
		s := suture.New("root", suture.Spec{EventHook: func(suture.Event) {}})
		s.Add(idler{})
		return s
	})
}

type idler struct{}

func (idler) Serve(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
