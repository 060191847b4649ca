package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tend-go/tend/cluster/internal/seam"
)

// ErrStale is the error of [Fence.Admit].
var ErrStale = errors.New("tend/cluster: the token is stale")

var errOutside = errors.New("tend/cluster: the context is of no service that is owned")

type holdKey struct{}

// ClaimOf is the claim that ctx is under: of a service that is owned, its helpers, and
// calls by [Role.Do]. Its Token is what resources get. false: it is under none.
func ClaimOf(ctx context.Context) (Claim, bool) {
	h, ok := ctx.Value(holdKey{}).(*hold)
	if !ok {
		return Claim{}, false
	}
	return h.claim, true
}

// Check is nil as long as nobody else can be the owner: the node's clock has not reached
// the claim's deadline. It does no I/O. A process that was paused between a Check and what
// it was for may be replaced all the same: only a fence helps then. Outside of a claim, and
// after its end, it is an error.
func Check(ctx context.Context) error {
	h, ok := ctx.Value(holdKey{}).(*hold)
	switch {
	case !ok:
		return errOutside
	case h.over.Load():
		return h.told()
	case h.expired():
		return ErrLost
	}
	return nil
}

// Fence refuses old tokens for a resource that lives in one process. The zero value is
// ready. It forgets with its process: durable resources store the highest token with
// their data. Tokens are no secrets; take them from authenticated members only, as a
// forged large one locks everybody out.
type Fence struct {
	mu      sync.Mutex
	highest map[string]int64
}

// Admit is nil if the token is the newest seen for the key, or newer. Call it under the
// lock that guards the write. An error is [ErrStale]: the token is older, or not over 0.
func (f *Fence) Admit(key string, token int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if newest := f.highest[key]; token <= 0 || token < newest {
		return fmt.Errorf("%w: %d for %q, and the newest is %d", ErrStale, token, key, newest)
	}
	if f.highest == nil {
		f.highest = map[string]int64{}
	}
	f.highest[key] = token
	return nil
}

func init() {
	seam.Under = func(ctx context.Context, claim any) context.Context {
		return context.WithValue(ctx, holdKey{}, &hold{claim: claim.(Claim)})
	}
	seam.Ends = runEnds
}
