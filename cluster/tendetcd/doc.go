// Package tendetcd has package cluster run on etcd.
//
//	engine, err := tendetcd.Engine(clientv3.Config{Endpoints: endpoints, TLS: tls})
//
// It needs etcd 3.6 or later, three or five voters in production, and a user with
// readwrite on /tend/1/<fleet>/ only: whoever writes there can end every claim. It is not
// for the etcd of a Kubernetes control plane.
//
// # Settings
//
// What Config leaves out is filled in. The back-off between connection attempts, which gRPC
// by itself has grow to two minutes, ends at 384 ms, below a fifth of the shortest TTL: a
// node is back at once after an outage, however long. A connection attempt is given up
// after 2 s. On Linux a connection is given up when what was sent has not been acknowledged
// for 2 s, so that the next renewal finds another; elsewhere pings tell after 12 s, as gRPC
// sends none more often than every 10 s.
//
// Pings are sent only while something is watched, which is always while a node is served:
// etcd shuts out clients that send them at other times.
//
// A user's password is shown with the first operation, so etcd may be away when the program
// starts. It is shown again with each renewal, and to check it takes etcd 50 ms and more
// of processor time: a user by the name in a client certificate costs nothing.
//
// The client warns of each attempt that fails on stderr, unless Config has a Logger. Nodes
// say once that the engine is lost.
package tendetcd
