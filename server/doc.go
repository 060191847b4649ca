// Package server makes services of servers: of an http.Server, of a grpc.Server,
// of whatever takes connections from a listener and can be stopped in two ways.
//
//	root.Add(server.HTTP(&http.Server{Addr: ":8080", Handler: routes()}))
//
// With more to say, such as another listener, another server or more time for what
// is under way:
//
//	root.Add(server.Config{
//		Name:  "rpc",
//		Addr:  ":9090",
//		New:   func(context.Context) server.Graceful { return newGRPCServer() },
//		Drain: time.Minute,
//	}.Child())
//
// # Starting
//
// A run that cannot listen is a failure, and the supervisor tries again: an address
// that the program's own predecessor still holds is free a moment later. A service
// of this package answers for itself (tend.Child.Backoff): the tries come after 100ms
// and ever more rarely, every 5s at last, without end, and nobody else pauses for
// them; the child's Limit is the place to say when it is enough. The service
// is ready as soon as it listens. Every run has a listener and a server of its own,
// so a server that has failed or been stopped is started again like any service;
// an http.Server cannot be served twice and is copied for that, see [CopiesOf].
//
// # Stopping
//
// A service that is to stop closes its listener, lets what is under way come to its
// end for as long as Config.Drain says, and cuts off the rest, which is an error of
// the run. Handlers that would go on for ever ask [Stopping]. Connections without a
// request are closed at once.
//
// A server that ends although nobody has asked it to has failed, whatever
// it returns; what is under way comes to its end first in the same way, and the
// annotation "draining" says so meanwhile. After a panic it is cut off.
package server
