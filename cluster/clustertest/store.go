package clustertest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tend-go/tend/cluster/internal/store"
)

var errMissed = errors.New("tend/clustertest: the watch may have missed something")

func (l *link) Open(ctx context.Context, ttl time.Duration) (id store.LeaseID, h store.Head, err error) {
	err = l.do(ctx, func(now time.Duration) error { id, h = l.mem.Open(now, ttl); return nil })
	return id, h, err
}

func (l *link) Renew(ctx context.Context, id store.LeaseID) (h store.Head, err error) {
	err = l.do(ctx, func(now time.Duration) (err error) { h, err = l.mem.Renew(now, id); return err })
	return h, err
}

func (l *link) Revoke(ctx context.Context, id store.LeaseID) error {
	return l.do(ctx, func(time.Duration) error { return l.mem.Revoke(id) })
}

func (l *link) Create(ctx context.Context, key, value string, id store.LeaseID, g store.Guard) (a store.Answer, err error) {
	err = l.do(ctx, func(now time.Duration) (err error) { a, err = l.mem.Create(now, key, value, id, g); return err })
	return a, err
}

func (l *link) Update(ctx context.Context, key, value string, token int64) (a store.Answer, err error) {
	err = l.do(ctx, func(time.Duration) error { a = l.mem.Update(key, value, token); return nil })
	return a, err
}

func (l *link) Delete(ctx context.Context, key string, token int64) (a store.Answer, err error) {
	err = l.do(ctx, func(time.Duration) error { a = l.mem.Delete(key, token); return nil })
	return a, err
}

func (l *link) SetIfNone(ctx context.Context, key, value, prefix string) (a store.Answer, err error) {
	err = l.do(ctx, func(time.Duration) error { a = l.mem.SetIfNone(key, value, prefix); return nil })
	return a, err
}

// Watch follows the log of revisions. While the link is cut it waits; what was under way then
// is sent again.
func (l *link) Watch(ctx context.Context, prefix string, silence time.Duration, saw func(store.Batch)) error {
	snapshot, err := l.snapshot(ctx, prefix, silence/5)
	if err != nil {
		return err
	}
	saw(snapshot)
	seen, heard := snapshot.Revision, time.Now()
	for {
		next, at, news := l.after(seen, prefix)
		if next != nil {
			if err := sleep(ctx, at-l.now()); err != nil {
				return err
			}
			if !l.isCut() {
				saw(*next)
				seen, heard = next.Revision, time.Now()
			}
			continue
		}
		asked, err := l.hush(ctx, news, silence, heard, seen)
		if err != nil {
			return err
		}
		if asked {
			heard = time.Now()
		}
	}
}

func (l *link) snapshot(ctx context.Context, prefix string, within time.Duration) (b store.Batch, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err = l.do(ctx, func(time.Duration) error { b = l.mem.Snapshot(prefix); return nil })
	return b, err
}

// after is the batch that is next, and when it comes; nil: there is none, or the link lets
// nothing through.
func (l *link) after(seen int64, prefix string) (next *store.Batch, at time.Duration, news <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil, 0, l.news
	}
	log := l.mem.Log()
	first, _ := slices.BinarySearchFunc(log, seen+1, func(b store.Batch, revision int64) int { return cmp.Compare(b.Revision, revision) })
	for i, b := range log[first:] {
		b.Changes = slices.DeleteFunc(slices.Clone(b.Changes), func(c store.Change) bool { return !strings.HasPrefix(c.Key, prefix) })
		if len(b.Changes) > 0 {
			return &b, l.dates[first+i] + l.delay, l.news
		}
	}
	return nil, 0, l.news
}

func (l *link) isCut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut
}

// hush waits for news; after a silence it asks how far the engine is.
func (l *link) hush(ctx context.Context, news <-chan struct{}, silence time.Duration, heard time.Time, seen int64) (asked bool, err error) {
	timer := time.NewTimer(silence - time.Since(heard))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-news:
		return false, nil
	case <-timer.C:
	}
	ask, cancel := context.WithTimeout(ctx, silence/5)
	defer cancel()
	var now int64
	if err := l.do(ask, func(time.Duration) error { now = l.mem.Head().Revision; return nil }); err != nil {
		return false, err
	}
	if now < seen {
		return false, errMissed
	}
	return true, nil
}

// Open grants a lease. Like the methods below it is of [cluster.Engine], and called by nodes.
func (e *Engine) Open(ctx context.Context, ttl time.Duration) (store.LeaseID, store.Head, error) {
	return e.As("").Open(ctx, ttl)
}

// Renew gives a lease its time again.
func (e *Engine) Renew(ctx context.Context, id store.LeaseID) (store.Head, error) {
	return e.As("").Renew(ctx, id)
}

// Revoke ends a lease.
func (e *Engine) Revoke(ctx context.Context, id store.LeaseID) error { return e.As("").Revoke(ctx, id) }

// Create makes a key.
func (e *Engine) Create(ctx context.Context, key, value string, id store.LeaseID, g store.Guard) (store.Answer, error) {
	return e.As("").Create(ctx, key, value, id, g)
}

// Update changes a key.
func (e *Engine) Update(ctx context.Context, key, value string, token int64) (store.Answer, error) {
	return e.As("").Update(ctx, key, value, token)
}

// Delete removes a key.
func (e *Engine) Delete(ctx context.Context, key string, token int64) (store.Answer, error) {
	return e.As("").Delete(ctx, key, token)
}

// SetIfNone sets a key.
func (e *Engine) SetIfNone(ctx context.Context, key, value, prefix string) (store.Answer, error) {
	return e.As("").SetIfNone(ctx, key, value, prefix)
}

// Watch follows keys.
func (e *Engine) Watch(ctx context.Context, prefix string, silence time.Duration, saw func(store.Batch)) error {
	return e.As("").Watch(ctx, prefix, silence, saw)
}
