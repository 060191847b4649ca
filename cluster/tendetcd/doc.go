// Package tendetcd has package cluster run on etcd.
//
//	engine, err := tendetcd.Engine(clientv3.Config{Endpoints: endpoints, TLS: tls})
//
// It needs etcd 3.6 or later, three or five voters in production, and a user with
// readwrite on /tend/1/<fleet>/ only: whoever writes there can end every claim. It is not
// for the etcd of a Kubernetes control plane.
//
// The client fills in what Config leaves out: keep-alive pings of 2 s, and a back-off
// between connection attempts that ends at 400 ms, a fifth of the shortest TTL, as gRPC's own grows to
// two minutes.
package tendetcd
