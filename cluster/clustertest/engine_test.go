package clustertest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend/cluster/clustertest"
	"github.com/tend-go/tend/cluster/internal/conformance"
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
