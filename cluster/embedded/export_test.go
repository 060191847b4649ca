package embedded

import (
	"context"
	"crypto/tls"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/tend-go/tend/cluster"
)

// With changes what etcd gets.
func (s *Server) With(change func(*embed.Config)) *Server {
	s.change = change
	return s
}

// EngineUntil is Engine, with an end.
func (s *Server) EngineUntil(ctx context.Context) (cluster.Engine, error) { return s.engine(ctx) }

// Near is where this process reaches the server.
func (s *Server) Near() string { return s.options.near() }

// TLS is what the server's engine connects with.
func (s *Server) TLS() *tls.Config {
	return keyPair{s.options.CertFile, s.options.KeyFile}.config()
}

// Options are the server's.
func (s *Server) Options() Options { return s.options }

// Addresses are what etcd gets: where it listens for clients and peers, and where they are
// told to reach it.
func (o Options) Addresses() (listen, reached, peers, own string) {
	c := New(o).config(context.Background())
	return c.ListenClientUrls[0].String(), c.AdvertiseClientUrls[0].String(), c.ListenPeerUrls[0].String(), c.AdvertisePeerUrls[0].String()
}
