package recipes

import (
	"os"
	"strings"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/embedded"
)

// Voter is an engine in the program, one of three or five, and a service that is to stand
// before the node: so it stops after it.
func Voter() (tend.Child, cluster.Engine, error) {
	peers := map[string]string{} // by name, the same everywhere: "shop-0=shop-0.shop:2380,…"
	for p := range strings.SplitSeq(os.Getenv("SHOP_PEERS"), ",") {
		name, addr, _ := strings.Cut(p, "=")
		peers[name] = addr
	}
	etcd := embedded.New(embedded.Options{
		Dir: os.Getenv("SHOP_ETCD_DIR"), Name: os.Getenv("SHOP_NAME"), Peers: peers,
		CertFile: "/tls/tls.crt", KeyFile: "/tls/tls.key", CAFile: "/tls/ca.crt",
	})
	engine, err := etcd.Engine()
	return tend.Child{Service: etcd, ReadyTimeout: 5 * time.Minute, Timeout: 10 * time.Second}, engine, err
}
