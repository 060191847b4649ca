package clustertest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend/cluster/clustertest"
	"github.com/tend-go/tend/cluster/internal/conformance"
	"github.com/tend-go/tend/cluster/internal/store"
)

// The engine in memory does what etcd does; package embedded runs the same on etcd.
func TestConformance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := clustertest.NewEngine()
		conformance.Run(t, engine, "/tend/1/plain/", time.Sleep)
		conformance.Run(t, engine.As("a"), "/tend/1/linked/", time.Sleep)
	})
}

// Nodes on the engine in memory do what they do on etcd.
func TestFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { conformance.Fleet(t, clustertest.NewEngine()) })
}

// An expired node leaves every fleet, and whoever has the shard that is called as it, of a role
// that is called as the members are, stays.
func TestExpireIsForMembersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := clustertest.NewEngine()
		leases := map[string]store.LeaseID{}
		for _, key := range []string{"/tend/1/f/m/1", "/tend/1/m/m/1", "/tend/1/f/c/m/1", "/tend/1/m/c/m/1", "/tend/1/f/m/11"} {
			id, _, err := engine.Open(t.Context(), time.Minute)
			if err == nil {
				_, err = engine.Create(t.Context(), key, "x", id, store.Guard{})
			}
			if err != nil {
				t.Fatal(err)
			}
			leases[key] = id
		}
		engine.Expire("1")
		for key, id := range leases {
			_, err := engine.Renew(t.Context(), id)
			if isOver, want := errors.Is(err, store.ErrNoLease), key == "/tend/1/f/m/1" || key == "/tend/1/m/m/1"; isOver != want {
				t.Errorf("the lease of %s has ended: %v (%v)", key, isOver, err)
			}
		}
	})
}
