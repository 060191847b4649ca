// Package conformance is what every engine must do, as tests that the engines run.
package conformance

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend/cluster/internal/store"
)

const (
	ttl     = 2 * time.Second
	silence = 5 * time.Second // an answer then has a second
)

// Run tests an engine, in a prefix of its own. sleep lets the engine's time pass.
func Run(t *testing.T, s store.Store, prefix string, sleep func(time.Duration)) {
	k := &kit{t, s, prefix, sleep}
	k.claims()
	k.guards()
	k.counts()
	k.leases()
	k.watches()
}

type kit struct {
	*testing.T
	store.Store
	prefix string
	sleep  func(time.Duration)
}

func (k *kit) open() store.LeaseID {
	k.Helper()
	id, head, err := k.Open(k.Context(), ttl)
	if err != nil || head.Cluster == 0 {
		k.Fatal("open:", head, err)
	}
	return id
}

// want fails unless an operation was carried out, or not, and left this value.
func (k *kit) want(what string, done bool, value string, a store.Answer, err error) store.Answer {
	k.Helper()
	if err != nil || a.Done != done || a.Entry.Value != value {
		k.Errorf("%s: %+v, %v", what, a, err)
	}
	return a
}

// claims: one transaction decides who has a key, and its token says for how long.
func (k *kit) claims() {
	ctx, key := k.Context(), k.prefix+"claim"
	mine, others := k.open(), k.open()
	create := func(value string, lease store.LeaseID) (store.Answer, error) {
		return k.Create(ctx, key, value, lease, store.Guard{})
	}
	a, err := create("mine", mine)
	first := k.want("create", true, "mine", a, err).Entry
	if first.Token != a.Revision || first.Lease != mine || first.Key != key {
		k.Errorf("%+v at revision %d", first, a.Revision)
	}
	a, err = create("other", others)
	if k.want("create of what is there", false, "mine", a, err); a.Entry != first {
		k.Error(a.Entry)
	}
	a, err = k.Update(ctx, key, "changed", first.Token)
	if k.want("update", true, "changed", a, err); a.Entry.Token != first.Token || a.Entry.Lease != mine {
		k.Error("an update changes token or lease:", a.Entry)
	}
	a, err = k.Update(ctx, key, "x", first.Token+1)
	k.want("update with another token", false, "changed", a, err)
	a, err = k.Delete(ctx, key, first.Token-1)
	k.want("delete with another token", false, "changed", a, err)
	a, err = k.Delete(ctx, key, first.Token)
	k.want("delete", true, "", a, err)
	a, err = k.Delete(ctx, key, first.Token)
	k.want("delete of what is gone", false, "", a, err)
	a, err = create("other", others)
	if k.want("create again", true, "other", a, err); a.Entry.Token <= first.Token {
		k.Errorf("token %d after %d", a.Entry.Token, first.Token)
	}
	_ = k.Revoke(ctx, mine)
	_ = k.Revoke(ctx, others)
}

// guards: nothing is created while the guard has another value, or none.
func (k *kit) guards() {
	ctx, lease, guard := k.Context(), k.open(), store.Guard{Key: k.prefix + "guard", Value: "3"}
	a, err := k.Create(ctx, k.prefix+"guarded", "x", lease, guard)
	k.want("create without the guard's key", false, "", a, err)
	a, err = k.SetIfNone(ctx, guard.Key, "2", k.prefix+"guarded")
	k.want("set", true, "2", a, err)
	a, err = k.Create(ctx, k.prefix+"guarded", "x", lease, guard)
	k.want("create with another guard", false, "", a, err)
	a, err = k.SetIfNone(ctx, guard.Key, "3", k.prefix+"guarded")
	k.want("set", true, "3", a, err)
	a, err = k.Create(ctx, k.prefix+"guarded", "x", lease, guard)
	k.want("create", true, "x", a, err)
	_ = k.Revoke(ctx, lease)
}

// counts: a key is set only while nobody has one with the prefix.
func (k *kit) counts() {
	ctx, lease := k.Context(), k.open()
	if _, err := k.Create(ctx, k.prefix+"c/r/1", "x", lease, store.Guard{}); err != nil {
		k.Error(err)
	}
	a, err := k.SetIfNone(ctx, k.prefix+"g/r", "5", k.prefix+"c/r/")
	k.want("set beside a claim", false, "", a, err)
	_ = k.Revoke(ctx, lease)
	a, err = k.SetIfNone(ctx, k.prefix+"g/r", "5", k.prefix+"c/r/")
	if k.want("set", true, "5", a, err); a.Entry.Lease != 0 {
		k.Error("it is under a lease")
	}
}

// leases: renewed they last, not renewed they end with all that is under them, for ever.
func (k *kit) leases() {
	ctx, lease := k.Context(), k.open()
	if _, err := k.Create(ctx, k.prefix+"leased", "x", lease, store.Guard{}); err != nil {
		k.Error(err)
	}
	for range 4 {
		k.sleep(ttl / 2)
		if _, err := k.Renew(ctx, lease); err != nil {
			k.Fatal("renew:", err)
		}
	}
	k.sleep(2 * ttl)
	for what, f := range map[string]func() error{
		"renew":  func() error { _, err := k.Renew(ctx, lease); return err },
		"revoke": func() error { return k.Revoke(ctx, lease) },
		"create": func() error { _, err := k.Create(ctx, k.prefix+"late", "x", lease, store.Guard{}); return err },
	} {
		if err := f(); !errors.Is(err, store.ErrNoLease) {
			k.Errorf("%s after the end of the lease: %v", what, err)
		}
	}
	next := k.open()
	a, err := k.Create(ctx, k.prefix+"leased", "y", next, store.Guard{})
	k.want("create after the end of the other lease", true, "y", a, err)
	_ = k.Revoke(ctx, next)
}

// watches: a snapshot, then one batch for each revision, in order.
func (k *kit) watches() {
	ctx, cancel := context.WithCancel(k.Context())
	defer cancel()
	prefix, lease := k.prefix+"w/", k.open()
	make := func(key string) store.Entry {
		a, err := k.Create(ctx, prefix+key, key, lease, store.Guard{})
		return k.want("create", true, key, a, err).Entry
	}
	a, b := make("a"), make("b")
	seen, ended := k.follow(ctx, prefix)
	k.batch(seen, true, store.Change{Entry: a}, store.Change{Entry: b})
	c := make("c")
	k.batch(seen, false, store.Change{Entry: c})
	if _, err := k.Create(ctx, k.prefix+"elsewhere", "x", lease, store.Guard{}); err != nil {
		k.Error(err)
	}
	for range 6 { // longer than the silence: the watch goes on
		k.sleep(ttl / 2)
		if _, err := k.Renew(ctx, lease); err != nil {
			k.Error(err)
		}
	}
	if _, err := k.Delete(ctx, prefix+"b", b.Token); err != nil {
		k.Error(err)
	}
	gone := func(key string) store.Change { return store.Change{Entry: store.Entry{Key: prefix + key}, Gone: true} }
	k.batch(seen, false, gone("b"))
	if err := k.Revoke(ctx, lease); err != nil {
		k.Error(err)
	}
	k.batch(seen, false, gone("a"), gone("c"))
	cancel()
	if err := wait(k.T, "the watch ends", ended); err == nil {
		k.Error("the watch ended without an error")
	}
}

func (k *kit) follow(ctx context.Context, prefix string) (<-chan store.Batch, <-chan error) {
	seen, ended := make(chan store.Batch, 100), make(chan error, 1)
	go func() { ended <- k.Watch(ctx, prefix, silence, func(b store.Batch) { seen <- b }) }()
	return seen, ended
}

func (k *kit) batch(seen <-chan store.Batch, snapshot bool, changes ...store.Change) {
	k.Helper()
	b := wait(k.T, "a batch", seen)
	if d := cmp.Diff(changes, b.Changes); d != "" || b.Snapshot != snapshot || b.Revision == 0 || b.Cluster == 0 {
		k.Errorf("%+v %s", b, d)
	}
}
