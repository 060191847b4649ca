package cluster

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/tend-go/tend"
)

// That a service has left is found by its status if events about it were dropped.
func TestDroppedEventsAreMadeGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &post{news: make(chan struct{}), here: tend.New("here", tend.Spec{EventHook: func(tend.Event) {}}), tokens: map[tend.ServiceToken]*tenure{}}
		var heard []string
		holds := map[string]*hold{}
		for name, err := range map[string]error{"leaves": tend.ErrDoNotRestart, "stays": nil, "suspended": nil} {
			h := &hold{post: p}
			child := tend.Child{Name: name, Service: tend.Func(name, func(ctx context.Context) error {
				if err == nil {
					h.enter(ctx)
					<-ctx.Done()
				}
				return err
			})}
			h.says = true
			_ = p.add(h, child, func(m message) { heard = append(heard, fmt.Sprintf("%s %T", name, m)) })
			holds[name] = h
		}
		ctx, cancel := context.WithCancel(t.Context())
		p.ctx.Store(&ctx)
		done := p.here.ServeBackground(ctx)
		synctest.Wait()
		_ = p.here.Suspend(holds["suspended"].token)
		synctest.Wait()
		p.hear(tend.EventsDropped{N: 1})
		p.hear(tend.EventsDropped{N: 1}) // a suspension is told once
		slices.Sort(heard)
		if got := fmt.Sprint(heard); got != "[leaves cluster.ended leaves cluster.ended suspended cluster.suspended]" {
			t.Error(got)
		}
		holds["leaves"].tell(ErrMoved)
		if p.hear(tend.EventsDropped{N: 1}); len(heard) != 3 {
			t.Error("what was told is heard of as leaving", heard)
		}
		if !holds["stays"].run.ready {
			t.Error("it does not know that one is ready")
		}
		cancel()
		<-done
	})
}

// Events that are lost while a role is restarted make no fail-over of what left with it.
func TestDroppedEventsWhileARoleIsRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &post{news: make(chan struct{}), here: tend.New("here", tend.Spec{EventHook: func(tend.Event) {}}), tokens: map[tend.ServiceToken]*tenure{}}
		var heard []string
		child := tend.Child{Name: "a", Restart: tend.Temporary, Service: tend.Func("a", func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		})}
		if err := p.add(&hold{post: p}, child, func(m message) { heard = append(heard, fmt.Sprintf("%T", m)) }); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		p.ctx.Store(&ctx)
		done := p.here.ServeBackground(ctx)
		synctest.Wait()
		cancel(tend.ErrRestartRequested)
		<-done
		if p.hear(tend.EventsDropped{N: 1}); heard != nil {
			t.Error(heard)
		}
		if p.revive(); fmt.Sprint(heard) != "[cluster.left]" {
			t.Error(heard)
		}
	})
}
