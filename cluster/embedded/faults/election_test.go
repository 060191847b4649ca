//go:build linux

package faults

import (
	"context"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"google.golang.org/grpc"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/internal/history"
)

// What mutants note of their renewals, for the driver to know when none is under way. The
// checker passes over it.
const (
	renewing history.What = "renewing"
	renewed  history.What = "renewed"
)

func (s setup) mutantWorker() worker {
	return worker{conduct: s.Conduct, notes: newNotes(s.Dir, s.Process), pen: newPen(s.Ledger, s.Process), every: s.Every}
}

// runStock is the singleton as etcd's own client would have it: a Session, an Election, and a
// service whose context ends when Done says so.
func (s setup) runStock() int {
	w := s.mutantWorker()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: s.Endpoints, DialKeepAliveTime: 2 * time.Second, DialKeepAliveTimeout: 2 * time.Second,
		DialOptions: []grpc.DialOption{grpc.WithStreamInterceptor(noteRenewals(w.notes))},
	})
	if err != nil {
		panic(err)
	}
	for ctx.Err() == nil {
		_ = s.campaign(ctx, client, w) // it tries again
	}
	return 0
}

func (s setup) campaign(ctx context.Context, client *clientv3.Client, w worker) error {
	session, err := concurrency.NewSession(client, concurrency.WithTTL(int(s.TTL/time.Second)), concurrency.WithContext(ctx))
	if err != nil {
		return err
	}
	defer session.Orphan()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		<-session.Done()
		cancel()
	}()
	e := concurrency.NewElection(session, "/stock")
	if err := e.Campaign(ctx, s.Name); err != nil {
		return err
	}
	w.run(ctx, cluster.Claim{Role: role, Token: e.Rev()})
	return nil
}

func noteRenewals(n *notes) grpc.StreamClientInterceptor {
	return func(ctx context.Context, d *grpc.StreamDesc, c *grpc.ClientConn, method string, next grpc.Streamer, o ...grpc.CallOption) (grpc.ClientStream, error) {
		stream, err := next(ctx, d, c, method, o...)
		return notedStream{stream, n}, err
	}
}

type notedStream struct {
	grpc.ClientStream
	*notes
}

func (s notedStream) SendMsg(m any) error {
	if _, ok := m.(*pb.LeaseKeepAliveRequest); ok {
		s.note(history.Record{What: renewing})
	}
	return s.ClientStream.SendMsg(m)
}

func (s notedStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if _, ok := m.(*pb.LeaseKeepAliveResponse); ok && err == nil {
		s.note(history.Record{What: renewed})
	}
	return err
}

// runFromAnswer is a session as it is easily written: the deadline counts from the answer, is
// looked at once a second, and leaves no margin.
func (s setup) runFromAnswer() int {
	w := s.mutantWorker()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	client, err := clientv3.New(clientv3.Config{Endpoints: s.Endpoints})
	if err != nil {
		panic(err)
	}
	for ctx.Err() == nil {
		if err := s.hold(ctx, client, w); err != nil {
			time.Sleep(100 * time.Millisecond)
		}
	}
	return 0
}

const ownKey = "/own"

// hold takes the key as soon as it is free, and works until the lease is over.
func (s setup) hold(ctx context.Context, client *clientv3.Client, w worker) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lease, err := client.Grant(ctx, int64(s.TTL/time.Second))
	if err != nil {
		return err
	}
	var deadline atomic.Int64
	deadline.Store(int64(now() + s.TTL))
	go s.renew(ctx, client, lease.ID, w.notes, &deadline)
	go s.lookOnceASecond(ctx, cancel, &deadline)
	for {
		r, err := client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(ownKey), "=", 0)).
			Then(clientv3.OpPut(ownKey, s.Name, clientv3.WithLease(lease.ID))).Commit()
		if err != nil {
			return err
		}
		if r.Succeeded {
			w.run(ctx, cluster.Claim{Role: role, Token: r.Header.Revision})
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s setup) renew(ctx context.Context, client *clientv3.Client, id clientv3.LeaseID, n *notes, deadline *atomic.Int64) {
	for ctx.Err() == nil {
		n.note(history.Record{What: renewing})
		if _, err := client.KeepAliveOnce(ctx, id); err == nil {
			deadline.Store(int64(now() + s.TTL))
			n.note(history.Record{What: renewed})
		}
		time.Sleep(s.TTL / 5)
	}
}

func (s setup) lookOnceASecond(ctx context.Context, cancel func(), deadline *atomic.Int64) {
	for tick := time.NewTicker(time.Second); ctx.Err() == nil; <-tick.C {
		if now() > time.Duration(deadline.Load()) {
			cancel()
		}
	}
}
