//go:build linux

package faults

import (
	"context"
	"fmt"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// leader returns the voter that leads.
func (s *scene) leader() (found *engine) {
	s.t.Helper()
	s.await("a leader", func() bool {
		for _, e := range s.engines {
			if e.alive() && e.leads() {
				found = e
			}
		}
		return found != nil
	})
	return found
}

// ask has f ask this voter and no other, and soon.
func (e *engine) ask(f func(context.Context, *clientv3.Client) error) error {
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{e.Listen}, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(e.scene.t.Context(), 300*time.Millisecond)
	defer cancel()
	return f(ctx, c)
}

// leads also learns the voter's number.
func (e *engine) leads() (leads bool) {
	_ = e.ask(func(ctx context.Context, c *clientv3.Client) error {
		r, err := c.Status(ctx, e.Listen)
		if err == nil {
			e.id = r.Header.MemberId
			leads = r.Leader == e.id
		}
		return err
	})
	return leads
}

// awaitAllVoters returns when each of them answers, which takes a leader.
func (s *scene) awaitAllVoters() {
	s.t.Helper()
	for _, e := range s.engines {
		s.await("voter "+e.Name, func() bool {
			return e.ask(func(ctx context.Context, c *clientv3.Client) error {
				_, err := c.Get(ctx, "ready")
				return err
			}) == nil
		})
	}
}

// cutOff cuts a voter off from the others, both ways: from those who come to it, and where it
// comes from. Voters say who they are when they connect.
func (e *engine) cutOff() {
	silence := trouble{Cut: true}
	for i, other := range e.engines {
		w := weather{There: silence, Back: silence}
		if other != e {
			w.From = fmt.Sprintf("X-Server-From: %x", e.id)
		}
		e.peerProxies[i].set(w)
	}
}

// split leaves a node and a voter with each other alone.
func (s *scene) split(m *member, e *engine) {
	e.cutOff()
	for _, node := range s.members {
		for i, p := range node.proxies {
			if (s.engines[i] == e) != (node == m) {
				p.set(partitions[0].weather)
			}
		}
	}
}

// unite heals all that is cut.
func (s *scene) unite() {
	for _, m := range s.members {
		m.set(weather{})
	}
	for _, p := range s.peerProxies {
		p.set(weather{})
	}
}

// The leader of three voters is killed, and the owner does not notice.
func TestFault6LeaderKilled(t *testing.T) {
	onlyWhole(t)
	s := newScene(t, setup{}, 3)
	s.nodes(2)
	s.awaitMembers(2)
	for range repeats(3) {
		s.owner()
		s.sleep(s.upTo(time.Second))
		l := s.leader()
		at := now()
		l.kill()
		next := s.leader()
		t.Logf("%s leads %v after the kill of %s", next.Name, now()-at, l.Name)
		s.sleep(s.usual.TTL)
		s.view.look()
		if starts := s.view.starts(at, ""); len(starts) > 0 {
			t.Errorf("%v started", starts)
		}
		l.start()
		s.awaitAllVoters()
	}
	v := s.safe()
	t.Logf("longest time without an act: %v", v.gap(singleton))
}

// The owner and the engine's leader are cut off together: the leader goes on for a while, and
// answers the owner.
func TestFault5OwnerAndLeaderCutOff(t *testing.T) {
	onlyWhole(t)
	s := newScene(t, setup{}, 3)
	s.nodes(2)
	s.awaitMembers(2)
	for range repeats(4) {
		owner, l := s.owner(), s.leader()
		s.sleep(s.upTo(time.Second))
		at := now()
		s.split(owner, l)
		s.cutOff(owner, at, "owner and leader")
		s.unite()
		s.awaitAllVoters()
		s.awaitMembers(2)
	}
	s.safe()
}
