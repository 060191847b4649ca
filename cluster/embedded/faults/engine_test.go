//go:build linux

package faults

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/cluster/embedded"
)

func (s setup) runEngine() int {
	if len(s.Peers) > 0 {
		return s.runVoter()
	}
	root := tend.New("engine", tend.Spec{})
	root.Add(tend.Child{Service: embedded.New(embedded.Options{Dir: s.Data, Listen: s.Listen, Volatile: true}), Timeout: 10 * time.Second})
	return app.Run(context.Background(), root, app.Options{})
}

// runVoter is one of several. Others reach it where Peers says, which is a proxy.
func (s setup) runVoter() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	etcd, err := embed.StartEtcd(s.voter())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	select {
	case err = <-etcd.Err():
	case <-etcd.Server.StopNotify():
	case <-ctx.Done():
	}
	fmt.Fprintln(os.Stderr, "ends:", err)
	return 0
}

// voter has the times of an etcd on one site: at TTL 5s three heartbeats may be lost.
func (s setup) voter() *embed.Config {
	c := embed.NewConfig()
	c.Name, c.Dir, c.LogLevel, c.UnsafeNoFsync = s.Name, s.Data, "error", true
	c.TickMs, c.ElectionMs = 100, 1000
	address := func(at string) []url.URL { return []url.URL{{Scheme: "http", Host: at}} }
	c.ListenClientUrls, c.AdvertiseClientUrls = address(s.Listen), address(s.Listen)
	c.ListenPeerUrls, c.AdvertisePeerUrls = address(s.PeerAt), address(s.Peers[s.Name])
	var all []string
	for name, at := range s.Peers {
		all = append(all, name+"=http://"+at)
	}
	slices.Sort(all)
	c.InitialCluster = strings.Join(all, ",")
	return c
}
