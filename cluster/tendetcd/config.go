package tendetcd

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// complete fills in what c leaves out. The engine does not know the TTL of the nodes that
// will use it, so the back-off ends below a fifth of the shortest that there is, 2 s. The
// caller's own DialOptions come last, and win.
func complete(c clientv3.Config) clientv3.Config {
	c.DialKeepAliveTime = cmp.Or(c.DialKeepAliveTime, 10*time.Second)
	c.DialKeepAliveTimeout = cmp.Or(c.DialKeepAliveTimeout, 2*time.Second)
	c.DialOptions = append([]grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
		Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 320 * time.Millisecond},
		MinConnectTimeout: 2 * time.Second,
	})}, c.DialOptions...)
	return c
}

// check refuses what the client would take, and then never connect or do less than it was
// told to.
func check(c clientv3.Config) error {
	if (c.Username == "") != (c.Password == "") {
		return errors.New("Config has one of Username and Password, and etcd wants both")
	}
	for _, endpoint := range c.Endpoints {
		scheme, addr, ok := strings.Cut(endpoint, "://")
		if !ok {
			scheme, addr = "", endpoint
		}
		if err := checkEndpoint(scheme, addr, c.TLS != nil); err != nil {
			return fmt.Errorf("Config.Endpoints has %q: %w", endpoint, err)
		}
	}
	return nil
}

func checkEndpoint(scheme, addr string, tls bool) error {
	switch scheme {
	case "unix", "unixs":
		return nil
	case "http":
		if tls {
			return errors.New("Config.TLS would not be used for it")
		}
	case "https", "":
	default:
		return errors.New("the scheme is none of http, https, unix and unixs")
	}
	host, port, err := net.SplitHostPort(strings.TrimSuffix(addr, "/"))
	if err != nil || host == "" || port == "" {
		return errors.New("it is no host:port")
	}
	return nil
}
