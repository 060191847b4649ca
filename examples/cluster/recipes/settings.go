package recipes

import (
	"net"
	"os"
	"time"

	"github.com/tend-go/tend/cluster"
)

// FromEnv is how the manifests in ../deploy have it.
func FromEnv(engine cluster.Engine) cluster.Options {
	return cluster.Options{
		Fleet:  "shop",
		Name:   os.Getenv("SHOP_NAME"), // empty: the host's, which in a StatefulSet is the pod's
		Addr:   net.JoinHostPort(os.Getenv("SHOP_IP"), "8080"),
		Meta:   map[string]string{"zone": os.Getenv("SHOP_ZONE")},
		Engine: engine,
		TTL:    10 * time.Second,
	}
}
