// Package lease holds a lock while work is done under it: a lock that ends by
// itself after some time unless it is renewed, such as a row with an expiry, an
// etcd lease or a Redis key.
//
//	l := lease.Lease{TTL: 10 * time.Minute, Acquire: lock, Renew: extend, Release: unlock}
//	err := l.Hold(ctx, work)
//
// # Guarantees
//
//  1. The work runs in the caller's goroutine, and only while the lock is known to
//     be held: if no renewal has succeeded until Margin before the lock ends, one
//     says that it is gone, or MaxHold is over, the context of the work is cancelled
//     with [ErrLost]. A lock is known to be held for TTL from the moment at which the
//     successful call of Acquire or Renew began, because nobody knows when in that
//     call the other side set its clock.
//  2. Renewals go on until the work has returned, also while it winds down after
//     ctx is done.
//  3. A lock that was acquired, or may have been when Acquire was cut off by a stop
//     or a timeout, is always released, once: after the work has returned, panicked
//     or called runtime.Goexit, after the last Renew has returned, or has ignored the end of
//     its context for 10 s, and with a context that is not cancelled but bounded.
//  4. Work that ignores its context is waited for. Releasing the lock earlier would
//     do what the lock is there to prevent. Work that hangs for ever keeps its lock
//     as long, unless MaxHold ends the renewals.
//
// # What no lease can do
//
// Work that does not return within Margin after ErrLost goes on while someone else
// may hold the lock. If that must not happen, the store must refuse: give it a
// fencing token (a number that grows with each lock) with every write.
//
// Time is measured on the monotonic clock: that somebody sets the wall clock changes
// nothing, and a program that was frozen beyond the end of its lock tells the work
// as soon as it goes on. But on Linux that clock stands still while the machine is
// suspended: a machine that wakes up may believe for up to TTL that it has a lock
// that others hold by then. Margin must also cover how differently the clocks of the
// two sides run.
package lease
