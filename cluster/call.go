package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/tend-go/tend/internal/stopped"
)

// Do runs f in the caller's goroutine with the service of the key's shard, if it is here.
// f is under its claim: [ClaimOf] and [Check] work in ctx, which also ends, with the cause,
// when the service's does. f is part of the service's run, as a helper of [tend.Go] is: until
// it has returned the run is not over, nothing is started again, and the claim not released;
// if it does not return in time it is reported as stuck, and overruns. While the shard
// is being claimed here, and while its service does not run but will, Do waits, at most as
// long as ctx. Else it returns a [*NotOwner], and f was not called.
func (r *Role[S]) Do(ctx context.Context, key string, f func(ctx context.Context, s S) error) error {
	shard := r.Shard(key)
	for {
		h, asking, news := r.sight(shard)
		wait := asking
		if h != nil {
			var run *running
			if run, wait = h.call(); run != nil {
				return during(ctx, h, run, func(ctx context.Context) error { return f(ctx, h.service.(S)) })
			}
		}
		if !wait {
			return &NotOwner{r.claim(shard)}
		}
		select {
		case <-news:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// during calls f in a context that ends with the caller's and with the service's.
func during(ctx context.Context, h *hold, run *running, f func(ctx context.Context) error) error {
	defer h.hangUp(run)
	under, cancel := context.WithCancelCause(context.WithValue(ctx, holdKey{}, h))
	defer cancel(nil)
	quit := context.AfterFunc(run.ctx, func() { cancel(context.Cause(run.ctx)) })
	defer quit()
	return f(context.WithValue(stopped.Between(ctx, under), runKey{}, run))
}

// runKey is for the run that a call is part of.
type runKey struct{}

// runEnds reports whether the run that ctx is a call's of has been asked to end, or has
// ended. The context of the call says so a moment later: the run's own is the service's.
func runEnds(ctx context.Context) bool {
	run, is := ctx.Value(runKey{}).(*running)
	return is && run.ctx.Err() != nil
}

const (
	firstAgain = 50 * time.Millisecond
	lastAgain  = time.Second
)

// Call calls f with the claim of the key's shard, wherever it is, and waits while there is
// none. An error of f that is a [*NotOwner] says that nothing was done: f is called again,
// with the claim named there as long as that is newer than all that this node has seen, or
// after 50 ms doubling to 1 s, or as soon as this node sees another owner. Its Claim's Role
// and Shard are those of the key, or Role is "": one of another shard or role says nothing of
// this one. Any other error is returned as it is, because f may have taken effect. It ends
// with ctx.
func (r *Role[S]) Call(ctx context.Context, key string, f func(ctx context.Context, c Claim) error) error {
	shard, again := r.Shard(key), firstAgain
	var named Claim
	for {
		_, _, news := r.sight(shard)
		named = r.unseen(named) // before the look at what the node sees
		c := newer(r.claim(shard), named)
		if c.Token == 0 {
			if err := await(ctx, news, never); err != nil {
				return err
			}
			continue
		}
		err := f(ctx, c)
		var no *NotOwner
		if !errors.As(err, &no) || no.Claim.Role != "" && (no.Claim.Role != r.name || no.Claim.Shard != shard) {
			return err
		}
		if named = newer(named, r.unseen(no.Claim)); named.Token > c.Token {
			continue
		}
		if err := r.awaitOther(ctx, shard, c.Token, again); err != nil {
			return err
		}
		again = min(2*again, lastAgain)
	}
}

// newer is the claim with the higher token; a's if they are equal.
func newer(a, b Claim) Claim {
	if b.Token > a.Token {
		return b
	}
	return a
}

// awaitOther waits until the node sees a newer claim, at most so long. An error is the cause
// of ctx.
func (p *post) awaitOther(ctx context.Context, shard int, token int64, most time.Duration) error {
	end := time.Now().Add(most)
	for {
		_, _, news := p.sight(shard)
		left := time.Until(end)
		if p.claim(shard).Token > token || left <= 0 {
			return context.Cause(ctx) // nil: it has not ended
		}
		if err := await(ctx, news, left); err != nil {
			return err
		}
	}
}

// await waits for news, at most so long. An error is the cause of ctx.
func await(ctx context.Context, news <-chan struct{}, most time.Duration) error {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-news:
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
