package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/tendetcd"
)

// Server is an etcd. It is a service, ready when it has a leader: give it a
// [tend.Child].ReadyTimeout for others to wait for that, and a Timeout of 10 s.
type Server struct {
	options Options
	change  func(*embed.Config) // of tests
}

// New makes a server: add it to the tree. It does no I/O, and panics if Options make no sense.
func New(o Options) *Server { return &Server{o.complete(), func(*embed.Config) {}} }

// String returns "etcd".
func (s *Server) String() string { return "etcd" }

// Engine is what nodes claim in. It reaches this server alone, whichever of the Peers leads:
// if it is down, or cut off from the others, so are the nodes that use it. It may be called
// at any time, before the server is served too. Its connection lasts until the program ends.
// With TLS it shows the server's own certificate, and takes no server that has another. The
// error is of the files.
func (s *Server) Engine() (cluster.Engine, error) { return s.engine(context.Background()) }

// engine is one until ctx ends.
func (s *Server) engine(ctx context.Context) (cluster.Engine, error) {
	c := clientv3.Config{
		Context: ctx, Endpoints: []string{s.options.near()},
		Logger: zap.NewNop(), // nodes say what there is to say
	}
	if s.options.secure() {
		own := keyPair{s.options.CertFile, s.options.KeyFile}
		if _, err := own.load(); err != nil {
			return nil, fmt.Errorf("tend/embedded: %w", err)
		}
		c.TLS = own.config()
	}
	return tendetcd.Engine(c)
}

// Serve runs etcd until ctx ends. It fails if etcd does not start or ends by itself, and if
// another server has the directory.
func (s *Server) Serve(ctx context.Context) error {
	lock, err := s.lock()
	if err != nil {
		return fmt.Errorf("tend/embedded: %w", err)
	}
	defer lock.Close()
	stopping, stop := context.WithCancel(context.Background())
	defer stop()
	etcd, err := embed.StartEtcd(s.config(stopping))
	if err != nil {
		return fmt.Errorf("tend/embedded: %w", err)
	}
	defer end(etcd)
	defer stop()
	return await(ctx, etcd)
}

// lock keeps others off the directory: etcd would wait for them, for ever and in silence.
func (s *Server) lock() (*fileutil.LockedFile, error) {
	if err := os.MkdirAll(s.options.Dir, fileutil.PrivateDirMode); err != nil {
		return nil, err
	}
	lock, err := fileutil.TryLockFile(filepath.Join(s.options.Dir, "lock"), os.O_WRONLY|os.O_CREATE, fileutil.PrivateFileMode)
	if errors.Is(err, fileutil.ErrLocked) {
		return nil, fmt.Errorf("another server has the directory %s", s.options.Dir)
	}
	return lock, err
}

// await returns when ctx or etcd ends.
func await(ctx context.Context, etcd *embed.Etcd) error {
	ready := etcd.Server.ReadyNotify()
	for {
		select {
		case <-ready:
			tend.Ready(ctx)
			ready = nil
		case err := <-etcd.Err():
			return fmt.Errorf("tend/embedded: %w", err)
		case <-etcd.Server.StopNotify():
			return errors.New("tend/embedded: etcd has stopped by itself")
		case <-ctx.Done():
			return nil
		}
	}
}

// end stops etcd. One that never had a leader has no listeners for clients, and etcd would
// wait for these for ever.
func end(etcd *embed.Etcd) {
	select {
	case <-etcd.Server.ReadyNotify():
	default:
		etcd.Server.HardStop()
	}
	etcd.Close()
}
