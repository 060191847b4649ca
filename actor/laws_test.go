package actor_test

import (
	"context"
	"testing"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/tendtest"
)

// TestActorsKeepTheLawsOfServices, where Serve is called. In a tree it is not: faults by path
// are how package tendtest tests those.
func TestActorsKeepTheLawsOfServices(t *testing.T) {
	tendtest.TestService(t, func() tend.Service {
		return actor.New("a", &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) { return deaf{}, nil }})
	})
}

// deaf is a handler that does nothing.
type deaf struct{}

func (deaf) Handle(context.Context, int) error { return nil }
