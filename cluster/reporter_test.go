package cluster

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A tale is what a hook was told, by one goroutine at a time.
type tale struct {
	events  []Event
	inside  bool
	overlap bool
	each    time.Duration // for how long the hook blocks
	last    func(Event)   // what it does in the end
}

func (t *tale) hear(e Event) {
	t.overlap = t.overlap || t.inside
	t.inside = true
	time.Sleep(t.each)
	t.events = append(t.events, e)
	t.inside = false
	if t.last != nil {
		t.last(e)
	}
}

func (t *tale) kinds() (kinds []Kind) {
	synctest.Wait()
	for _, e := range t.events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// Events that a hook has no time for are counted, and told as soon as there is room.
func TestDroppedEventsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := &tale{each: time.Second}
		r := &reporter{name: "n", hook: heard.hear, room: 1}
		r.put(Event{Kind: KindJoined})
		synctest.Wait() // it is being told
		r.put(Event{Kind: KindClaimed})
		r.put(Event{Kind: KindReleased})
		r.put(Event{Kind: KindReleased})
		time.Sleep(time.Minute)
		if kinds := heard.kinds(); !slices.Equal(kinds, []Kind{KindJoined, KindClaimed, KindEventsDropped}) {
			t.Fatal(kinds)
		}
		if e := heard.events[2]; e.Dropped != 2 || e.Member != "n" || e.Time.IsZero() || e.Level() != slog.LevelWarn ||
			!strings.Contains(e.LogValue().String(), "dropped=2") {
			t.Error(e.LogValue())
		}
		if r.busy || heard.overlap {
			t.Error("it does not rest", r.busy, heard.overlap)
		}
	})
}

// A hook may panic or end its goroutine: what follows is told.
func TestHookMayEndItsGoroutine(t *testing.T) {
	for _, last := range []func(Event){func(Event) { panic("hook") }, func(Event) { runtime.Goexit() }} {
		synctest.Test(t, func(t *testing.T) {
			heard := &tale{last: last}
			r := &reporter{hook: heard.hear, room: 10}
			r.put(Event{Kind: KindJoined})
			r.put(Event{Kind: KindLeft})
			if kinds := heard.kinds(); !slices.Equal(kinds, []Kind{KindJoined, KindLeft}) || r.busy {
				t.Error(kinds, r.busy)
			}
		})
	}
}

// The hook is called with one event after the other also across a restart of the node, whose
// Serve does not wait for it.
func TestHookIsNotCalledByTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := &tale{each: time.Hour}
		n := Join(Options{Fleet: "f", Name: "n", Engine: struct{ Engine }{}, EventHook: heard.hear})
		for range 2 {
			ctx, stop := context.WithCancel(t.Context())
			l := n.begin(ctx)
			l.carryOut(emit{Event{Kind: KindJoined}})
			l.carryOut(emit{Event{Kind: KindLeft}})
			synctest.Wait()
			l.close()
			n.end(l)
			stop()
		}
		time.Sleep(5 * time.Hour)
		if kinds := heard.kinds(); !slices.Equal(kinds, []Kind{KindJoined, KindLeft, KindJoined, KindLeft}) || heard.overlap {
			t.Error(kinds, heard.overlap)
		}
	})
}
