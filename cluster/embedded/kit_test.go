package embedded_test

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/embedded"
)

// enough is how long nothing may happen that has to.
const enough = time.Minute

func TestMain(m *testing.M) {
	_ = os.Setenv("ETCD_CLIENT_DEBUG", "error") // clients of the tests' own warn of each outage
	os.Exit(m.Run())
}

func wait[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(enough):
		t.Fatal("nothing happens: ", what)
		panic("unreachable")
	}
}

// free is an address on loopback that nobody has.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// alone is a server that has a directory and an address of its own.
func alone(t *testing.T) embedded.Options {
	t.Helper()
	return embedded.Options{Dir: filepath.Join(t.TempDir(), "etcd"), Listen: free(t), Volatile: true}
}

// A voter is a server in a tree.
type voter struct {
	*embedded.Server
	t    *testing.T
	root *tend.Supervisor
	stop func() // it returns when the server has
}

// serve begins to run a server until the end of the test.
func serve(t *testing.T, s *embedded.Server) *voter {
	t.Helper()
	root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	root.Add(tend.Child{Service: s, ReadyTimeout: enough, Timeout: 20 * time.Second})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // until the nodes have left
	done := root.ServeBackground(ctx)
	v := &voter{s, t, root, sync.OnceFunc(func() {
		cancel()
		<-done
	})}
	t.Cleanup(v.stop)
	return v
}

// ready waits until it is.
func (v *voter) ready() *voter {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), enough)
	defer cancel()
	if err := v.root.WaitReady(ctx); err != nil {
		v.t.Fatal(err)
	}
	return v
}

// engine is the server's, for the test's own use.
func (v *voter) engine() cluster.Engine {
	v.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	v.t.Cleanup(cancel)
	e, err := v.EngineUntil(ctx)
	if err != nil {
		v.t.Fatal(err)
	}
	return e
}

// client speaks to a server as an operator would.
func (v *voter) client() *clientv3.Client {
	v.t.Helper()
	c := clientv3.Config{Endpoints: []string{v.Near()}}
	if o := v.Options(); o.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			v.t.Fatal(err)
		}
		c.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true}
	}
	client, err := clientv3.New(c)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = client.Close() })
	return client
}

// put writes a key.
func (v *voter) put(key string) {
	v.t.Helper()
	if _, err := v.client().Put(soon(v.t), key, "x"); err != nil {
		v.t.Fatal(err)
	}
}

// soon is a context that ends when nothing happens.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), enough)
	t.Cleanup(cancel)
	return ctx
}
