package cluster

import (
	"errors"
	"fmt"
)

// Member is what others know of a node.
type Member struct {
	Name  string
	Addr  string            // Options.Addr
	Meta  map[string]string // Options.Meta; not to be changed
	Roles []string          // that it takes, sorted; not to be changed
}

// Claim is the ownership of one shard by one node.
type Claim struct {
	Role  string
	Shard int // 0 of a singleton
	// Token grows with each claim of a shard, and is the same for all runs under one.
	// 0: nobody has the shard.
	Token int64
	// Key is the claim's in the engine. Whoever compares its create revision with Token in
	// a transaction of his own has the engine fence for him.
	Key   string
	Owner Member
}

// Why a service is told to end, as [context.Cause] of its context has it, if it is not
// because its role or its node stops.
var (
	// ErrMoved: the shard goes to another node.
	ErrMoved = errors.New("tend/cluster: the shard moves to another node")
	// ErrLost: the lease is over, or is about to be.
	ErrLost = errors.New("tend/cluster: the lease is lost")
)

// NotOwner is the error of [Role.Do]: the shard is not here, and nothing was done. Claim
// says who has it as far as this node knows; its Token is 0 if nobody has.
type NotOwner struct{ Claim Claim }

// Error says who has the shard.
func (e *NotOwner) Error() string {
	if e.Claim.Token == 0 {
		return fmt.Sprintf("tend/cluster: %s/%d is nobody's now", e.Claim.Role, e.Claim.Shard)
	}
	return fmt.Sprintf("tend/cluster: %s/%d is with %s", e.Claim.Role, e.Claim.Shard, e.Claim.Owner.Name)
}
