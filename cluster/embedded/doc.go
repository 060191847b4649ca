// Package embedded runs etcd in the program, so that there is nothing to install: for
// development, tests, demos, one machine, and small fleets.
//
//	etcd := embedded.New(embedded.Options{Dir: dir})
//	engine, err := etcd.Engine()
//	root.Add(tend.Child{Service: etcd, ReadyTimeout: time.Minute, Timeout: 10 * time.Second})
//	root.Add(cluster.Join(cluster.Options{Fleet: "shop", Engine: engine}))
//
// # Alone
//
// Without Peers it is the only voter. On loopback, which is the default, every user of the
// machine can end every claim.
//
// # Three or five voters
//
// With Peers it is one of them, and the engine lives as long as most of them do:
//
//	embedded.New(embedded.Options{
//		Dir:   "/var/lib/shop/etcd",
//		Name:  "shop-0", // default: the host's name, which in Kubernetes is the pod's
//		Peers: map[string]string{"shop-0": "shop-0.shop:2380", "shop-1": "shop-1.shop:2380", "shop-2": "shop-2.shop:2380"},
//		CertFile: "tls.crt", KeyFile: "tls.key", CAFile: "ca.crt",
//	})
//
// All have the same Peers, for ever. The first start takes more than half of them at once;
// until then none is ready, and nothing is wrong. A voter listens for the others at its own
// address of Peers if that is an IP address or localhost, and else on all addresses of the
// machine at that port. Never run voters in a group that scales by itself.
//
// A voter whose Dir is lost does not come back by itself: it would have forgotten what it
// acknowledged. Its Serve says that it has already been bootstrapped, which the others tell
// it: so do not start it while they are down. Restore all voters from a snapshot, with etcdutl
// snapshot restore --bump-revision --mark-compacted, or tokens repeat.
//
// # TLS
//
// CertFile and KeyFile serve clients and peers alike, and are read anew for each
// connection. With CAFile both have to show a certificate that it has signed: without it
// what goes over the wire is encrypted, and whoever reaches the addresses may still write.
// A voter's certificate is for the host in its address of Peers, and for both server and
// client authentication.
//
// # Stopping
//
// Clients are cut off at once, those that watch too, and a leader hands over before it ends.
// That takes milliseconds for one that is alone, and a second for one of several. A leader
// whose heir does not answer waits for it for etcd's limit of a request, 7 s: so a Timeout of
// 10 s is enough, and the tree's StopWithin has to have room for it.
//
// # What it sets
//
// History is compacted after an hour, as there is no operator to do it. The space is 2 GiB,
// etcd's default; see [cluster.KindEngineFull] for when it is used up. What etcd logs as an
// error goes to slog.Default. If etcd cannot write what it must not forget, as on a full
// disk, it ends the process: nobody may go on from there.
package embedded
