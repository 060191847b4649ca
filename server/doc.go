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
// that the program's own predecessor still holds is free a moment later. The service
// is ready as soon as it listens. Every run has a listener and a server of its own,
// so a server that has failed or been stopped is started again like any service;
// an http.Server cannot be served twice and is copied for that, see [CopiesOf].
//
// # Stopping
//
// A service that is to stop closes its listener, lets what is under way come to its
// end for as long as Config.Drain says, and cuts off the rest, which is an error of
// the run. A server that ends although nobody has asked it to has failed, whatever
// it returns.
package server
