package tendetcd

import (
	"context"
	"errors"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tend-go/tend/cluster/internal/store"
)

var (
	errSilent = errors.New("tend/tendetcd: etcd says nothing")
	errBehind = errors.New("tend/tendetcd: etcd is behind what it was")
	errClosed = errors.New("tend/tendetcd: the watch has ended")
)

func (e *engine) Watch(ctx context.Context, prefix string, silence time.Duration, saw func(store.Batch)) error {
	ctx, cancel := context.WithCancelCause(clientv3.WithRequireLeader(ctx))
	defer cancel(nil)
	snapshot, err := e.snapshot(ctx, prefix, silence/5)
	if err != nil {
		return err
	}
	saw(snapshot)
	w := watcher{engine: e, silence: silence, seen: snapshot.Revision, saw: saw, timer: time.NewTimer(silence)}
	defer w.timer.Stop()
	late := time.AfterFunc(silence/5, func() { cancel(errSilent) }) // the client waits until etcd says that the watch is made
	responses := e.client.Watch(ctx, prefix, clientv3.WithPrefix(), clientv3.WithRev(snapshot.Revision+1))
	late.Stop()
	return w.follow(ctx, responses)
}

// snapshot is a linearizable read of all there is.
func (e *engine) snapshot(ctx context.Context, prefix string, within time.Duration) (store.Batch, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	r, err := e.client.Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return store.Batch{}, err
	}
	b := store.Batch{Head: head(r.Header), Snapshot: true}
	for _, kv := range r.Kvs {
		b.Changes = append(b.Changes, store.Change{Entry: entry(kv)})
	}
	return b, nil
}

// A watcher follows one watch.
type watcher struct {
	*engine
	silence time.Duration
	seen    int64
	saw     func(store.Batch)
	timer   *time.Timer
	asked   bool // for progress
}

func (w *watcher) follow(ctx context.Context, responses clientv3.WatchChan) error {
	for {
		select {
		case r, ok := <-responses:
			if !ok {
				return errors.Join(errClosed, context.Cause(ctx))
			}
			if err := w.take(r); err != nil {
				return err
			}
		case <-w.timer.C:
			if err := w.ask(ctx); err != nil {
				return err
			}
		}
	}
}

// ask for progress: an answer says how far etcd is. The client waits with that while it has no
// stream, and nobody looks at the timer.
func (w *watcher) ask(ctx context.Context) error {
	if w.asked {
		return errSilent
	}
	w.asked = true
	w.timer.Reset(w.silence / 5)
	ctx, cancel := context.WithTimeoutCause(ctx, w.silence/5, errSilent)
	defer cancel()
	if err := w.client.RequestProgress(ctx); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	return nil
}

func (w *watcher) take(r clientv3.WatchResponse) error {
	if err := r.Err(); err != nil {
		return err
	}
	if r.Header.Revision < w.seen {
		return errBehind
	}
	w.asked = false
	w.timer.Reset(w.silence)
	for _, b := range batches(r) {
		w.seen = b.Revision
		w.saw(b)
	}
	return nil
}

// batches are one for each revision; a response may hold several.
func batches(r clientv3.WatchResponse) (found []store.Batch) {
	for _, ev := range r.Events {
		at := ev.Kv.ModRevision
		if n := len(found); n == 0 || found[n-1].Revision != at {
			found = append(found, store.Batch{Head: store.Head{Cluster: r.Header.ClusterId, Revision: at}})
		}
		change := store.Change{Entry: entry(ev.Kv)}
		if ev.Type == clientv3.EventTypeDelete {
			change = store.Change{Entry: store.Entry{Key: string(ev.Kv.Key)}, Gone: true}
		}
		last := &found[len(found)-1]
		last.Changes = append(last.Changes, change)
	}
	return found
}
