// Package entity has actors by key in a whole fleet: ask one from any node, and it is
// there, once.
//
//	accounts := entity.New(node, "accounts", entity.Spec[Deposit, Balance]{
//		Role:      cluster.Spec{Shards: 256},
//		New:       openAccount, // func(ctx context.Context, key string) (entity.Handler[Deposit, Balance], error)
//		Idle:      time.Minute,
//		Transport: wire,        // &entity.HTTP{}, which is the http.Handler of the others' requests, too
//	})
//	root.Add(node)
//	root.Add(accounts)
//	balance, err := accounts.To("alice").Ask(ctx, Deposit{5})
//
// An entity is an actor, a member of an [actor.Group] that lives where its key's shard
// is: see packages cluster and actor. Others know this as virtual actors, grains, or
// cluster sharding.
//
// # Guarantees
//
//  1. One at a time. An entity is made when it is asked, by [Spec].New. No two calls of New,
//     Handle and Stop of one key overlap in the fleet, as long as package cluster's first
//     guarantee holds. When it does not, as after a process was paused, only a fence helps:
//     [cluster.ClaimOf] of the context has the token, and a store that refuses older ones is
//     to see it before it is read from.
//  2. A shard that moves takes its entities with it: they end before the claim is released, with
//     Stop, and begin again on the other node when they are asked. The message in hand is
//     finished first; those that wait were not begun, and their askers ask the next owner.
//  3. An Ask waits while there is no owner. It is sent again only if nothing was done: the
//     other end was not the owner or could not be reached, or its mailbox closed. After
//     any other error the message may have taken effect. What is not to happen twice needs a
//     number of its own that the state remembers.
//  4. An Ask ends with its context, always. Give it a deadline: a node that is cut off answers
//     nothing.
//  5. Messages of one asker are handled in the order in which they are asked one after the
//     other; there are no others.
//
// Messages to an entity on this node are not encoded: who has sent one must not change it any
// more. Two entities that ask each other, each in its Handle, wait until their contexts end
// unless both are here, which is found.
package entity
