package recipes

import (
	"fmt"

	"github.com/tend-go/tend/cluster"
)

// IdempotencyKey is for what cannot be fenced but knows a request that comes twice, such as a
// payment provider. n counts what is done under the claim. Write the key down in your own,
// fenced data before you ask, and the answer when it comes: an owner that finds a key without
// an answer asks again under that key, and not under one of its own.
func IdempotencyKey(c cluster.Claim, n int) string {
	return fmt.Sprintf("%s-%d-%d-%d", c.Role, c.Shard, c.Token, n)
}
