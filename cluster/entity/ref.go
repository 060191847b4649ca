package entity

import (
	"cmp"
	"context"
	"fmt"

	"github.com/tend-go/tend/cluster"
)

// Ref is where an entity can be asked, wherever it is. It may be kept, compared and used
// from anywhere.
type Ref[M, R any] struct {
	of  *Entities[M, R]
	key string
}

// To is the entity with that key.
func (e *Entities[M, R]) To(key string) Ref[M, R] { return Ref[M, R]{e, key} }

// String is the name of the entities, and the key.
func (r Ref[M, R]) String() string { return r.of.String() + "/" + r.key }

// Ask sends m to the entity, which is made if it is not there, and waits for the answer.
// Give ctx a deadline. Whatever the error, unless it says otherwise m may have taken effect:
//   - [actor.ErrFailed]: the entity failed with it, or what it answered could not be encoded;
//   - [actor.ErrGone]: nothing was done; New refuses the key, or the entity has failed for good;
//   - [tend.ErrTooManyServices]: nothing was done;
//   - [actor.ErrDeadlock]: nothing was done; the entity waits for the one that asks;
//   - the cause of ctx, when that ends first, or what the transport failed with;
//   - of Marshal and Unmarshal: m was not sent, or could not be read (nothing was done), or
//     the answer could not.
func (r Ref[M, R]) Ask(ctx context.Context, m M) (answer R, err error) {
	e := r.of
	err = e.role.Call(ctx, r.key, func(ctx context.Context, c cluster.Claim) error {
		if c.Owner.Name == e.node.Name() {
			answer, err = e.ask(ctx, r.key, m)
			return err
		}
		answer, err = e.send(ctx, c, r.key, m)
		return err
	})
	return answer, err
}

// send asks the entity on another node.
func (e *Entities[M, R]) send(ctx context.Context, c cluster.Claim, key string, m M) (answer R, err error) {
	body, err := e.spec.Marshal(m)
	if err != nil {
		return answer, fmt.Errorf("tend/entity: encoding a message to %s: %w", e.To(key), veil(err))
	}
	r, err := e.spec.Transport.Send(ctx, c.Owner, Request{Role: e.String(), Key: key, Body: body})
	if err != nil {
		return answer, veil(err)
	}
	if r.Status == StatusNotOwner {
		return answer, &cluster.NotOwner{Claim: e.named(c, r.Claim)}
	}
	if err := r.err(c); err != nil {
		return answer, err
	}
	if err := e.spec.Unmarshal(r.Body, &answer); err != nil {
		return answer, fmt.Errorf("tend/entity: decoding the answer of %s: %w", e.To(key), veil(err))
	}
	return answer, nil
}

// named is the claim that the other end names to who asked under c, with all that this node
// knows of the owner: a transport may carry no more than a name and an address. Of the two
// addresses that one is newer.
func (e *Entities[M, R]) named(c, by cluster.Claim) cluster.Claim {
	c.Token, c.Owner = by.Token, by.Owner
	for _, m := range e.node.Members() {
		if m.Name == by.Owner.Name {
			c.Owner = m
			c.Owner.Addr = cmp.Or(by.Owner.Addr, m.Addr)
		}
	}
	return c
}
