package clustertest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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

// sight is what a node sees by its watch, and when.
type sight struct {
	engine *clustertest.Engine
	lease  store.LeaseID
	begin  time.Time
	seen   []string
}

// newSight has a node watch while the test runs.
func newSight(t *testing.T, node string) *sight {
	engine := clustertest.NewEngine()
	lease, _, err := engine.Open(t.Context(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s := &sight{engine: engine, lease: lease, begin: time.Now()}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = engine.As(node).Watch(ctx, "", time.Hour, s.saw)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	synctest.Wait()
	s.seen = nil
	return s
}

func (s *sight) saw(b store.Batch) {
	for _, c := range b.Changes {
		s.seen = append(s.seen, fmt.Sprintf("%v %s", time.Since(s.begin), c.Key))
	}
}

// create makes a key as another node, which is not delayed.
func (s *sight) create(key string) {
	_, _ = s.engine.As("another").Create(context.Background(), key, "x", s.lease, store.Guard{})
}

// want compares what has been seen since the last time.
func (s *sight) want(t *testing.T, seen string) {
	t.Helper()
	synctest.Wait()
	if d := cmp.Diff(seen, strings.Join(s.seen, ", ")); d != "" {
		t.Errorf("at %v (-want +got)\n%s", time.Since(s.begin), d)
	}
	s.seen = nil
}

// What is under way to a node when that is cut off comes when it is healed, and not before.
func TestAWatchSeesNothingWhileTheNodeIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSight(t, "a")
		s.engine.Delay("a", time.Second)
		s.create("1")
		s.create("2")
		time.Sleep(500 * time.Millisecond)
		s.engine.Cut("a")
		time.Sleep(time.Minute)
		s.want(t, "")
		s.engine.Heal("a")
		s.want(t, "1m0.5s 1, 1m0.5s 2")
	})
}

// What is written while something else is under way is not later than that was.
func TestAWatchIsAsLateAsItsDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSight(t, "a")
		s.engine.Delay("a", time.Second)
		s.create("1")
		time.Sleep(500 * time.Millisecond)
		s.create("2")
		time.Sleep(250 * time.Millisecond)
		s.create("3")
		time.Sleep(time.Minute)
		s.want(t, "1s 1, 1.5s 2, 1.75s 3")
		s.engine.Forget()
		lease, _, _ := s.engine.Open(t.Context(), time.Hour)
		s.lease = lease
		for i := range 6 { // until its revision is newer than what was seen
			s.create(fmt.Sprint(i))
		}
		time.Sleep(time.Minute)
		s.want(t, "1m1.75s 3, 1m1.75s 4, 1m1.75s 5")
	})
}

// TestForgetUsesNoLeaseAgain: who had one must not find another's in its place.
func TestForgetUsesNoLeaseAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := clustertest.NewEngine()
		old, _, _ := engine.Open(t.Context(), time.Hour)
		engine.Forget()
		lease, head, err := engine.Open(t.Context(), time.Hour)
		if err != nil || lease == old || head.Revision != 1 {
			t.Errorf("lease %d after %d, at %d, %v", lease, old, head.Revision, err)
		}
		if _, err := engine.Renew(t.Context(), old); !errors.Is(err, store.ErrNoLease) {
			t.Errorf("the old one: %v", err)
		}
	})
}
