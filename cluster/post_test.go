package cluster

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/tend-go/tend"
)

// That a service has left is found by its status if events about it were dropped.
func TestDroppedEventsAreMadeGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &post{here: tend.New("here", tend.Spec{EventHook: func(tend.Event) {}}), tokens: map[tend.ServiceToken]*tenure{}}
		var left []string
		for name, err := range map[string]error{"leaves": tend.ErrDoNotRestart, "stays": nil} {
			h := &hold{}
			child := tend.Child{Name: name, Service: tend.Func(name, func(ctx context.Context) error {
				if err == nil {
					<-ctx.Done()
				}
				return err
			})}
			p.add(h, child, func(*hold, error) { left = append(left, name) })
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := p.here.ServeBackground(ctx)
		synctest.Wait()
		p.hear(tend.EventsDropped{N: 1})
		if len(left) != 1 || left[0] != "leaves" {
			t.Error(left)
		}
		cancel()
		<-done
	})
}
