// Package seam lets clustertest put a context under a claim, which nobody else can.
package seam

import "context"

// Under is set by package cluster. claim is a cluster.Claim.
var Under func(ctx context.Context, claim any) context.Context
