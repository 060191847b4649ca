// Package keyed supervises services that have keys: a tenant, a feed, a device each.
//
//	tenants := keyed.New[string]("tenants", keyed.Spec{})
//	root.Add(tenants)
//	…
//	did := keyed.Reconcile(tenants, want, func(name string, c Config) tend.Service {
//		return newTenant(name, c)
//	})
//
// A [Set] is a supervisor whose services are named after their keys. [Set.Put] gives a key a
// service. One that has the key already is stopped, and the new one waits until it has
// returned; so it does after [Set.Remove]. [Reconcile] is told which keys there are to be, and
// how each is configured, and changes what differs.
//
// # What holds
//
//  1. There are never two services of one key at once, whoever puts and removes at the same
//     time: not after a Remove, not while an old one hangs, not over a stop of the tree.
//  2. The last one put is the one that stays. Of those between that never got to run, none
//     does.
//  3. All methods, and Reconcile, may be called from any goroutine at any time, also from the
//     services: before, while and after the set is served. What was put stays when it stops.
//  4. Nothing that belongs to users runs under a lock: not what makes services, nor String
//     methods of keys.
//  5. A service that replaces another has its token, its place and its history, see
//     [tend.Supervisor.Replace]. One that was put for a key after that was removed, or after
//     its service has left by itself, is a new one.
//  6. A key whose services have left costs nothing.
//
// # Budgets
//
// Each service answers for itself: unless its settings or those of the [Spec] say otherwise,
// it has a backoff of its own from 100 ms to 30 s, and one sick key never pauses the others,
// nor the supervisor. Nor does one that fails later make a tree unready: what counts are the
// services of the root itself, and the set is one, see [tend.Status.Ready]. But as every
// supervisor the set is starting until all that it has at first have been running at once; one
// with a ReadyTimeout that is sick from the beginning is waited for, unless it has a Limit and
// gives up. To be ready before that, put services when the set is served already.
package keyed
