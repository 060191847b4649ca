// Package cluster runs supervised services once in a whole fleet: singletons, and the
// shards of keyed services. One machine was enough. When it no longer is, wrap the
// service; keep the tree.
//
//	engine, err := tendetcd.Engine(clientv3.Config{Endpoints: endpoints, TLS: tls})
//	node := cluster.Join(cluster.Options{Fleet: "shop", Engine: engine, Addr: addr})
//	orders := cluster.Shards(node, "orders", 256, newOrders) // func(shard int) *Orders
//	root.Add(node)
//	root.Add(cluster.Singleton(node, "billing", billing)) // was: root.Add(billing)
//	root.Add(orders)
//
// Who owns what is decided by one transaction of an engine that exists: etcd. It is not
// an engine itself, nor a message bus, nor a scheduler.
//
// # Words
//
// A fleet is a namespace in the engine. A node is a process's membership of it: one
// lease, one watch, one loop. A role is what is owned: a singleton, or a number of shards.
// A claim is the ownership of one shard by one node, a key under the node's lease; its
// token is the key's create revision. Here is the supervisor of what this node owns of a
// role: a shard's path is root/orders/17.
//
// # Guarantees
//
//  1. One at a time. No two Serve calls of one role and shard overlap in the fleet, nor do
//     their helpers ([tend.Go]) and the calls under way ([Role.Do]), if clocks differ in
//     rate by less than Margin/(2·TTL), which is 2.5 % by default, no process or machine
//     stands still for longer than Margin/4, the engine keeps what it acknowledged, and
//     nobody else deletes keys or revokes leases. A service that does not heed its context
//     is no exception: its process ends.
//  2. Fencing, without any clock. The token of a shard grows with each claim, so with each
//     change of owner, and stays the same for all runs under one. A resource that refuses
//     tokens lower than the highest it has seen takes nothing from a replaced owner after
//     its successor's first call. Only this covers a process that was paused. So: show the
//     token to the resource before reading from it.
//  3. Takeover. If a process dies, another that may runs the service within TTL + 0.5 s and
//     its start; a fifth of the TTL later for each member placed before it that does not
//     come. After a stop or a move, within milliseconds of the predecessor's return.
//  4. Isolation. A node that does not reach the engine has stopped all that it owns before
//     others may start it. The rest of its tree runs on.
//  5. Calm. What runs is moved only for an even spread, never more of it than that takes,
//     at most Moves at a time, and not while members come and go.
//
// Not promised: effects exactly once; an owner while the engine has no majority; failing
// over in less than a second; that what cannot be fenced, as a mail, happens once: make an
// idempotency key of role, shard, token and a counter.
//
// # Life
//
// The tree's own verbs are the operator's. A node joins when it is served and leaves when it is
// stopped; this process takes shards of a role while that is served. Suspend of a role hands
// its shards over and keeps it down here, Restart takes part again, Suspend of the node hands
// over everything, and a stop of the tree drains it. A restart of the role by its tree keeps the
// claims, and makes anew what is Temporary. Nodes and roles may stand anywhere, in any
// order; where order matters the engine comes before the node, and the node before its roles.
//
// A service is told by its context, with [ErrMoved], [ErrLost] or why its role or node
// stops as the cause. Then it is removed from the supervisor here, and the claim is
// released when it has returned, with its helpers and the calls under way. If it
// fails it is restarted like any service. If it leaves or gives up (ErrDoNotRestart,
// a Transient one's nil, a Limit; a panic in start, too), this member declines the shard
// for ten minutes and the next takes it. Being done is not remembered. Replace of it is an
// error: what start makes runs under the claim, and nothing else.
//
// A node stops when nothing that it owned runs any more, and renews as long. What has
// not returned when the process ends is given away when the lease is over.
//
// # Time
//
//	t0               when the last renewal was sent that was answered
//	every TTL/5      a renewal is sent, and given up after TTL/5; after a failure again in 200 ms
//	t0+TTL-Margin-T  services of a role with Tree.Timeout T are told ErrLost
//	t0+TTL-Margin    Check fails; what has not returned overruns
//	t0+TTL           the engine may give the claims away
//
// If the lease turns out to live before t0+TTL, what was told runs again, under the same
// token, once it has returned. Time is the monotonic clock plus what the machine slept
// (on Linux). Under testing/synctest all of it is exact.
//
// # The engine
//
// Keys are under /tend/1/<fleet>/: m/<node> a member, c/<role>/<shard> a claim, both under
// the node's lease, and g/<role> the number of shards, under none. A claim is made in one
// transaction if its key is absent and the number of shards is the program's; a program with
// another number takes nothing, until nobody has a claim under the old one. Of two
// processes with one name the second waits. A node whose lease is lost revokes it before
// it opens the next. If the engine has forgotten what it had, all is told and Serve fails, as
// used tokens would be given out again.
//
// # Concurrency
//
// One goroutine for each node owns its state and waits for nothing but messages; user
// code (start, Weigh, Overrun, hooks) runs on others, and may panic, block or call
// back. All methods may be called at any time from any goroutine.
//
// What can only be a mistake panics at the call that is wrong.
package cluster
