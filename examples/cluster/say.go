package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/process"
)

// narrator tells what happens, and when.
type narrator struct {
	mu    sync.Mutex
	out   io.Writer
	began time.Time
}

func newNarrator(out io.Writer) *narrator { return &narrator{out: out, began: time.Now()} }

func (n *narrator) say(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.out, "%5.1f s  "+format+"\n", append([]any{time.Since(n.began).Seconds()}, args...)...)
}

// hear tells of what failed in the driver's tree.
func (b *bank) hear(e tend.Event) {
	f, failed := e.(tend.ServiceFailed)
	exit, ended := errors.AsType[*process.ExitError](f.Err)
	switch {
	case b.verbose:
		b.log.Info("tree", "event", e)
	case failed && ended:
		b.say("   its supervisor: %s has ended (exit code %d, %v), and is started again", f.Service, exit.Code, exit.Signal)
	case failed:
		b.say("   its supervisor: %s has failed, and is started again: %v", f.Service, f.Err)
	}
}

// hearFleet tells of what the frontend sees of the fleet.
func (b *bank) hearFleet(e cluster.Event) {
	switch {
	case b.verbose:
		b.log.Info("fleet", "event", e)
	case b.told.Load():
	case e.Level() >= slog.LevelWarn, e.Kind == cluster.KindMemberLeft, e.Kind == cluster.KindMemberJoined:
		b.say("   the fleet: %v, %s", e.Kind, e.Member)
	}
}

// round makes of a duration what a reader wants to know.
func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}
