package recipes

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/tend-go/tend/cluster"
)

// Header is how a resource that is asked over HTTP gets the claim: "orders 17 4711".
const Header = "Tend-Claim"

// Show puts the claim that ctx is under into a request.
func Show(ctx context.Context, r *http.Request) {
	if c, ok := cluster.ClaimOf(ctx); ok {
		r.Header.Set(Header, fmt.Sprintf("%s %d %d", c.Role, c.Shard, c.Token))
	}
}

// Fenced is the resource's side. Reads are fenced, too, so that an owner may trust what it
// has read. This fence is in memory: the process must be the only one that has the resource,
// and must not be started again while owners live that were replaced. Otherwise the newest
// tokens are kept with the data.
func Fenced(do http.HandlerFunc) http.Handler {
	var mu sync.Mutex
	var fence cluster.Fence
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var role string
		var shard int
		var token int64
		if _, err := fmt.Sscan(r.Header.Get(Header), &role, &shard, &token); err != nil {
			http.Error(rw, "whose claim is this under?", http.StatusPreconditionRequired)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if err := fence.Admit(fmt.Sprintf("%s/%d", role, shard), token); err != nil {
			http.Error(rw, err.Error(), http.StatusPreconditionFailed)
			return
		}
		do(rw, r) // under the lock: what is admitted is done before a newer token comes
	})
}
