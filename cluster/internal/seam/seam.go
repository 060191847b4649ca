// Package seam is what packages below cluster may do that nobody else can: clustertest puts a
// context under a claim, and entity asks of a run whether it ends.
package seam

import "context"

// Under is set by package cluster. claim is a cluster.Claim.
var Under func(ctx context.Context, claim any) context.Context

// Ends is set by package cluster. It reports whether the run that the context of a call
// by Role.Do is part of has been asked to end: before anything of the service can know.
var Ends func(ctx context.Context) bool
