package embedded

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// streams ends what clients watch when the server is to stop. Left to itself etcd waits for
// them, who do not know, for the limit of a request, which is 7 s; or not, as it happens.
type streams struct {
	stopping context.Context
	end      context.CancelFunc
}

func newStreams() *streams {
	ctx, cancel := context.WithCancel(context.Background())
	return &streams{ctx, cancel}
}

// errStopping has clients try again, elsewhere if they can.
var errStopping = status.Error(codes.Unavailable, "tend/embedded: the server stops")

// intercept has the context of a stream end with the server's stop.
func (s *streams) intercept(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	err := next(srv, bounded{stream, ctx})
	if s.stopping.Err() != nil {
		return errStopping
	}
	return err
}

// A bounded stream has a context that ends sooner.
type bounded struct {
	grpc.ServerStream
	ctx context.Context
}

// Context is the stream's, and ends with the server's stop.
func (b bounded) Context() context.Context { return b.ctx }
