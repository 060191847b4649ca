package embedded

import (
	"context"
	"crypto/rand"
	"maps"
	"net/url"
	"slices"
	"strings"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
)

// config is what etcd gets. stopping ends when the server is told to. Without the gateway
// from JSON, which nobody needs here, etcd does not wait for those who watch when it stops:
// with it that takes 7 s.
func (s *Server) config(stopping context.Context) *embed.Config {
	o, c := s.options, embed.NewConfig()
	c.Name, c.Dir = o.Name, o.Dir
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(newLogger(stopping))
	c.ListenClientUrls, c.AdvertiseClientUrls = o.at(listening(o.Listen)), o.at(o.reached())
	c.AutoCompactionMode, c.AutoCompactionRetention = embed.CompactorModePeriodic, "1h"
	c.EnableGRPCGateway = false
	c.ClientTLSInfo, c.PeerTLSInfo = o.certificates(), o.certificates()
	o.elect(c)
	if o.Volatile {
		c.UnsafeNoFsync, c.TickMs, c.ElectionMs = true, 10, 100
	}
	s.change(c)
	return c
}

// elect says who the voters are. One that is alone gets an identity by chance, so that
// nodes see by it alone that a directory was wiped. Several have to agree on theirs.
func (o Options) elect(c *embed.Config) {
	if len(o.Peers) == 0 {
		peer := o.at("127.0.0.1:0") // there are none
		c.ListenPeerUrls, c.AdvertisePeerUrls = peer, peer
		c.InitialCluster, c.InitialClusterToken = o.Name+"="+peer[0].String(), rand.Text()
		return
	}
	own := o.Peers[o.Name]
	c.ListenPeerUrls, c.AdvertisePeerUrls = o.at(listening(own)), o.at(own)
	var voters []string
	for _, name := range slices.Sorted(maps.Keys(o.Peers)) {
		peer := o.at(o.Peers[name])
		voters = append(voters, name+"="+peer[0].String())
	}
	c.InitialCluster, c.InitialClusterToken = strings.Join(voters, ","), "tend"
}

// at is an address as etcd wants it.
func (o Options) at(addr string) []url.URL {
	scheme := "http"
	if o.secure() {
		scheme = "https"
	}
	return []url.URL{{Scheme: scheme, Host: addr}}
}

// certificates are for both sides of a connection.
func (o Options) certificates() transport.TLSInfo {
	return transport.TLSInfo{CertFile: o.CertFile, KeyFile: o.KeyFile, TrustedCAFile: o.CAFile, ClientCertAuth: o.CAFile != ""}
}
