// Package retry calls a function again until it succeeds, waiting longer each
// time.
//
//	err := retry.Do(ctx, tend.Backoff{Min: time.Second, Max: 15 * time.Minute}, send)
//
// The schedule is a [tend.Backoff], the same type and the same rules by which a
// supervisor restarts a service: Min doubles up to Max; Jitter adds a random part,
// or takes it off where Max leaves no room; an attempt that lasted Reset forgets the
// failures in a row before it; and the N-th failure of [Policy].Limit (within Within,
// or in a row) is the last. A function that is retried and a service that is
// restarted differ in who looks at the failure: the caller of Do, or the operator of
// the tree.
//
// # Guarantees
//
//  1. Do calls the function in the caller's goroutine, one call at a time, and
//     never leaves one behind: it waits for a call that ignores its context.
//  2. Once ctx is done no further call begins, and a wait ends at once. A wait that
//     would last until the deadline of ctx does not begin: Do returns at once, as
//     with MaxElapsed.
//  3. Nothing overflows: any number of attempts and any Backoff that is valid give
//     a wait between 0 and the largest Duration.
//  4. If there was no success the result is an [*Error]: how often it was tried,
//     why not again, and the last failure. errors.Is finds both, so after a stop
//     it matches the cause of the context as well as what the function said last.
//  5. Panics pass through.
//
// # Which failures are retried
//
// All but those that cannot get better: errors marked by [Permanent], and
// [tend.ErrDoNotRestart] and [tend.ErrTerminateTree], which ask a supervisor for
// the same and reach it through Do unchanged. [After] prolongs the wait before the
// next attempt: an HTTP Retry-After.
package retry
