// Package embedded runs etcd in the program: for development, tests, demos and one machine,
// with nothing to install.
//
//	etcd := embedded.New(embedded.Options{Dir: dir})
//	engine, err := etcd.Engine()
//	root.Add(etcd)
//	root.Add(cluster.Join(cluster.Options{Fleet: "shop", Engine: engine}))
//
// It is one voter, alone and on loopback: every user of the machine can end every claim. Several
// voters and TLS are not built yet; see the README of the module.
package embedded

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/tendetcd"
)

// Options are the settings of a [Server].
type Options struct {
	// Dir is where the data is. Required. Without what is there all claims are forgotten,
	// and nodes refuse the engine.
	Dir string
	// Listen is the address of clients, on loopback. Default "127.0.0.1:2379".
	Listen string
	// Volatile does without fsync, and elects ten times as fast: for tests.
	Volatile bool
}

// Server is an etcd. It is a service, ready when it has a leader: give it a
// [tend.Child].ReadyTimeout for others to wait for that. Its stop may take 8 s while
// anybody watches it.
type Server struct{ options Options }

// New makes a server. It panics if Options make no sense.
func New(o Options) *Server {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:2379"
	}
	host, _, err := net.SplitHostPort(o.Listen)
	switch ip := net.ParseIP(host); {
	case o.Dir == "":
		panic("tend/embedded: Options.Dir is empty")
	case err != nil || ip == nil || !ip.IsLoopback():
		panic(fmt.Sprintf("tend/embedded: Options.Listen is %q, which is no address on loopback", o.Listen))
	}
	return &Server{o}
}

// String returns "etcd".
func (s *Server) String() string { return "etcd" }

// Engine is what nodes claim in. It may be called before the server is served. Its
// connection lasts until the program ends.
func (s *Server) Engine() (cluster.Engine, error) {
	return tendetcd.Engine(clientv3.Config{Endpoints: []string{s.options.Listen}})
}

// Serve runs etcd until ctx ends.
func (s *Server) Serve(ctx context.Context) error {
	etcd, err := embed.StartEtcd(s.config())
	if err != nil {
		return fmt.Errorf("tend/embedded: %w", err)
	}
	defer etcd.Close()
	select {
	case <-etcd.Server.ReadyNotify():
		tend.Ready(ctx)
	case <-ctx.Done():
		return nil
	}
	select {
	case err := <-etcd.Err():
		return fmt.Errorf("tend/embedded: %w", err)
	case <-etcd.Server.StopNotify():
		return fmt.Errorf("tend/embedded: etcd has stopped by itself")
	case <-ctx.Done():
		return nil
	}
}

func (s *Server) config() *embed.Config {
	c := embed.NewConfig()
	c.Name, c.Dir, c.LogLevel = "tend", s.options.Dir, "error"
	clients := url.URL{Scheme: "http", Host: s.options.Listen}
	peers := url.URL{Scheme: "http", Host: "127.0.0.1:0"} // there are none
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{clients}, []url.URL{clients}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{peers}, []url.URL{peers}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	if s.options.Volatile {
		c.UnsafeNoFsync, c.TickMs, c.ElectionMs = true, uint(10), uint(time.Second/time.Millisecond/10)
	}
	return c
}
