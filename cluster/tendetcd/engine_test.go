package tendetcd_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/tend-go/tend/cluster/tendetcd"
)

// What makes no sense is an error that names it, before anything is sent.
func TestBadConfig(t *testing.T) {
	one := []string{"etcd:2379"}
	for want, c := range map[string]clientv3.Config{
		"no available endpoints":           {},
		`Endpoints has "": it is no host`:  {Endpoints: []string{""}},
		`Endpoints has "etcd": it is no`:   {Endpoints: []string{"etcd:2379", "etcd"}},
		`Endpoints has "http://etcd"`:      {Endpoints: []string{"http://etcd"}},
		`Endpoints has "etcd://etcd:2379"`: {Endpoints: []string{"etcd://etcd:2379"}},
		"Config.TLS would not be used for": {Endpoints: []string{"http://etcd:2379"}, TLS: &tls.Config{MinVersion: tls.VersionTLS13}},
		"Config has one of Username and":   {Endpoints: one, Username: "shop"},
		"are mutually exclusive":           {Endpoints: one, Username: "shop", Password: "secret", Token: "t"},
	} {
		e, err := tendetcd.Engine(c)
		if e != nil || err == nil || !strings.HasPrefix(err.Error(), "tend/tendetcd: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, endpoint := range []string{"etcd:2379", "http://10.0.0.1:2379", "https://etcd:2379/", "unix:///run/etcd.sock", "[::1]:2379"} {
		if _, err := tendetcd.Engine(clientv3.Config{Endpoints: []string{endpoint}, Context: ctx}); err != nil {
			t.Error(err)
		}
	}
}

// A network that is down notes when somebody tries to connect.
type down struct {
	mu    sync.Mutex
	tries []time.Time
}

func (d *down) dial(context.Context, string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tries = append(d.tries, time.Now())
	return nil, errors.New("the network is down")
}

// longest is the longest pause between attempts since a moment.
func (d *down) longest(since time.Time) (longest time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := since
	for _, at := range append(d.tries, time.Now()) {
		if at.After(since) {
			longest, last = max(longest, at.Sub(last)), at
		}
	}
	return longest
}

// After an outage of ten minutes an attempt is never further away than a fifth of the
// shortest TTL. The operations end with their contexts all the same.
func TestAttemptsGoOn(t *testing.T) {
	t.Setenv("ETCD_CLIENT_DEBUG", "error") // it warns of each
	for name, c := range map[string]clientv3.Config{"plain": {}, "a password": {Username: "shop", Password: "secret"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				network := &down{}
				c.Endpoints, c.Context, c.DialOptions = []string{"etcd:2379"}, ctx, []grpc.DialOption{grpc.WithContextDialer(network.dial)}
				engine, err := tendetcd.Engine(c)
				if err != nil {
					t.Fatal(err)
				}
				for range 300 {
					began := time.Now()
					op, end := context.WithTimeout(ctx, 2*time.Second)
					if _, _, err := engine.Open(op, 2*time.Second); err == nil || time.Since(began) != 2*time.Second {
						t.Errorf("%v after %v", err, time.Since(began))
					}
					end()
				}
				if gap := network.longest(time.Now().Add(-9 * time.Minute)); gap > 400*time.Millisecond {
					t.Errorf("%v between two attempts", gap)
				}
				cancel()
				synctest.Wait() // nothing is left but what has ended
			})
		})
	}
}
