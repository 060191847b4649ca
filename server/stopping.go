package server

import "context"

type stoppingKey struct{}

func withStopping(ctx context.Context, stopping <-chan struct{}) context.Context {
	return context.WithValue(ctx, stoppingKey{}, stopping)
}

// Stopping returns a channel that is closed when the server of a request is to stop:
// a handler that would go on for ever, as one of server-sent events or of a long poll
// does, is to return then, or it takes all of Config.Drain and is cut off. ctx is the
// context of the request, which itself ends only when that happens. It is nil, on
// which a receive waits for ever, if ctx is not one of a server of [CopiesOf].
//
//	select {
//	case e := <-events:
//		…
//	case <-server.Stopping(r.Context()):
//		return
//	case <-r.Context().Done():
//		return
//	}
//
// Servers of other kinds learn of it from the context that Config.New was called with.
func Stopping(ctx context.Context) <-chan struct{} {
	stopping, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
	return stopping
}
