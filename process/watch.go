package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/stopped"
)

// watch is the life of the process: it returns when the process has exited, and with
// it, if the group was asked to stop, the rest of that or the time that it had.
func (r *run) watch(ctx context.Context) exit {
	exited := make(chan exit, 1)
	go func() { exited <- awaitExit(r.cmd.Process.Pid) }()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	stop, ready := ctx.Done(), r.ready
	var nearer <-chan struct{} // of a stop
	var leader exit
	var rest <-chan struct{} // nil: the leader has not exited
	over := make(chan struct{})
	defer close(over)
	for {
		r.set(timer)
		select {
		case leader = <-exited:
			if !r.restHasTime(leader) {
				return leader
			}
			rest = r.restGone(over)
		case <-rest:
			return leader
		case <-stop:
			stop, nearer = nil, r.hasten(ctx)
			r.send(ctx, r.life.end(time.Now(), stopped.Err(ctx)))
		case <-nearer:
			nearer = r.hasten(ctx)
		case <-ready:
			ready = nil
			r.gotReady(ctx)
		case err := <-r.failed:
			r.send(ctx, r.life.stop(time.Now(), err))
		case n, open := <-r.notes:
			if !open {
				r.notes, n.mark = nil, true // nothing waits there
			}
			r.gotNote(ctx, n)
		case <-timer.C:
			r.ring(ctx)
		}
		if rest != nil && r.life.phase == killing {
			return leader
		}
	}
}

// hasten looks how much time is left of the stop, and returns what tells that less is.
func (r *run) hasten(ctx context.Context) (nearer <-chan struct{}) {
	nearer = stopped.Hastened(ctx) // first: what comes now is not missed
	if by, bounded := tend.StopBy(ctx); bounded {
		left := time.Until(by)
		r.life.hasten(time.Now(), r.c.stopTimeoutWithin(left), r.c.killWithin(left))
	}
	return nearer
}

// set sets the timer for what comes next.
func (r *run) set(timer *time.Timer) {
	switch at := cmp.Or(r.markBy, r.life.wake); {
	case at.IsZero():
		timer.Stop()
	default:
		timer.Reset(time.Until(at))
	}
}

// ring: the timer has fired. Before the process is found late, all that it has said is
// heard: a mark goes into the socket behind it, and gotNote judges when it comes out.
func (r *run) ring(ctx context.Context) {
	if r.markBy.IsZero() && r.notes != nil && r.life.due(time.Now()) {
		r.markBy = time.Now().Add(markTimeout)
		r.mark()
		return
	}
	r.judge(ctx)
}

// markTimeout bounds how long a process may put off its end by talking.
const markTimeout = time.Second

func (r *run) judge(ctx context.Context) {
	r.markBy = time.Time{}
	r.send(ctx, r.life.expired(time.Now(), r.notReadyBecause()))
}

// restHasTime: the rest of the group was asked to stop as the leader was, and has as
// long for it. A leader that alone was asked, or that exits by itself, speaks for all.
func (r *run) restHasTime(leader exit) bool {
	return canSeeGroups && leader.held && r.life.phase == stopping && !r.c.StopLeader
}

// restGone is closed when nobody is left in the group, or soon after over.
func (r *run) restGone(over <-chan struct{}) <-chan struct{} {
	gone := make(chan struct{})
	r.helper("the rest of the group", func() {
		defer close(gone)
		awaitRest(r.cmd.Process.Pid, over)
	})
	return gone
}

func (r *run) gotReady(ctx context.Context) {
	if r.life.ready(time.Now()) {
		tend.Ready(r.audience(ctx))
	}
}

// audience is the context of the service that the process is. Of one that called Run nothing is
// said: the process may be the check of another.
func (r *run) audience(ctx context.Context) context.Context {
	if r.mute {
		return context.Background()
	}
	return ctx
}

// gotNote carries out what the process said on its notify socket.
func (r *run) gotNote(ctx context.Context, n note) {
	defer n.close()
	now := time.Now()
	if n.extend > 0 {
		r.life.extend(now, n.extend)
	}
	if n.watchdog > 0 {
		r.life.rewatch(now, n.watchdog)
	}
	if n.ready && r.notify {
		r.becameReady()
		r.gotReady(ctx) // at once: the next note may be about being up
	}
	if n.alive {
		r.life.alive(now)
		tend.Alive(r.audience(ctx))
	}
	if n.trigger {
		r.send(ctx, r.life.bark(now, fmt.Errorf("%w: WATCHDOG=trigger", tend.ErrUnresponsive)))
	}
	if n.mark && !r.markBy.IsZero() {
		r.judge(ctx)
	}
	if n.hasStatus {
		tend.Annotate(r.audience(ctx), slog.String("status", n.status))
	}
}

// send sends what the life says, and SIGCONT so that it is heard.
func (r *run) send(ctx context.Context, sig Signal) {
	if sig == 0 {
		return
	}
	r.endCheck()
	to := signalGroup
	if r.c.StopLeader && sig != sigKill {
		to = signalLeader
	}
	err := r.signal(to, sig)
	if err == nil {
		err = r.signal(signalLeader, 0) // that of a group succeeds if it reaches anybody
	}
	switch {
	case errors.Is(err, syscall.EPERM):
		r.refused(ctx, sig, err)
	case err == nil && sig != sigKill:
		_ = r.signal(to, sigCont)
	}
}

// refused tells that the process is not ours to signal: one that a program such as
// sudo has given another user. It may be there for ever; who looks must find out why.
func (r *run) refused(ctx context.Context, sig Signal, err error) {
	r.unsent = fmt.Errorf("%v: %w", sig, err)
	tend.Annotate(r.audience(ctx), slog.Any("signal", r.unsent))
	r.c.logger().LogAttrs(ctx, slog.LevelWarn, "a process cannot be stopped",
		slog.String("process", r.c.String()), slog.Int("pid", r.cmd.Process.Pid), slog.String("error", tend.NewReason(ctx, r.unsent).Error()))
}
