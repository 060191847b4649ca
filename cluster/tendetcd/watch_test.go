package tendetcd_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/tend-go/tend/cluster/internal/store"
	"github.com/tend-go/tend/cluster/tendetcd"
)

// A mute etcd answers reads, and says of a watch that it is made if it is to, and no more. One
// that goes then breaks its connection, and there is no other.
type mute struct {
	etcdserverpb.UnimplementedKVServer
	etcdserverpb.UnimplementedWatchServer
	makes, goes bool

	conns  chan net.Conn
	mu     sync.Mutex
	broken net.Conn
	closed chan struct{}
}

func (m *mute) Range(context.Context, *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	return &etcdserverpb.RangeResponse{Header: &etcdserverpb.ResponseHeader{ClusterId: 1, Revision: 7}}, nil
}

func (m *mute) Watch(stream etcdserverpb.Watch_WatchServer) error {
	if _, err := stream.Recv(); err != nil {
		return err
	}
	if m.makes {
		if err := stream.Send(&etcdserverpb.WatchResponse{Header: &etcdserverpb.ResponseHeader{ClusterId: 1, Revision: 7}, Created: true}); err != nil {
			return err
		}
	}
	if m.goes {
		time.AfterFunc(50*time.Millisecond, m.cut)
	}
	<-stream.Context().Done()
	return stream.Context().Err()
}

func (m *mute) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken.Close()
}

func (m *mute) dial(ctx context.Context, _ string) (net.Conn, error) {
	a, b := net.Pipe()
	select {
	case m.conns <- b:
		return a, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// listener takes one connection.
type listener struct{ *mute }

func (l listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	conns := l.conns
	if l.broken != nil {
		conns = nil
	}
	l.mu.Unlock()
	select {
	case c := <-conns:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.broken = c
		return c, nil
	case <-l.closed:
		return nil, io.EOF
	}
}

func (l listener) Close() error   { close(l.closed); return nil }
func (l listener) Addr() net.Addr { return &net.UnixAddr{} }

// A watch of which etcd says nothing ends by itself, also where the client would wait: until
// the watch is made, and until there is a connection that can be asked for progress.
// In real time: the client's watches have a channel outside of any bubble.
func TestAWatchThatIsSilent(t *testing.T) {
	for name, m := range map[string]*mute{"not made": {}, "no progress": {makes: true}, "no connection": {makes: true, goes: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each takes the seconds after which a watch is silent
			m.conns, m.closed = make(chan net.Conn), make(chan struct{})
			server := grpc.NewServer()
			etcdserverpb.RegisterKVServer(server, m)
			etcdserverpb.RegisterWatchServer(server, m)
			go func() { _ = server.Serve(listener{m}) }() // until it is stopped
			defer server.Stop()
			ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Second, errors.New("it hangs"))
			defer cancel()
			engine, err := tendetcd.Engine(clientv3.Config{Endpoints: []string{"etcd:2379"}, Context: ctx, DialOptions: []grpc.DialOption{grpc.WithContextDialer(m.dial)}})
			if err != nil {
				t.Fatal(err)
			}
			began, saw := time.Now(), 0
			err = engine.Watch(ctx, "/tend/", 3*time.Second, func(store.Batch) { saw++ })
			if err == nil || !strings.Contains(err.Error(), "etcd says nothing") || saw != 1 {
				t.Errorf("%v, %d snapshots", err, saw)
			}
			t.Log(time.Since(began))
		})
	}
}
