//go:build linux

package faults

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/tend-go/tend/cluster/internal/history"
)

// The engine is killed for a while. Within what the lease lasts nobody notices; after that all
// is told, and runs again when the engine is back.
func TestFault6EngineDown(t *testing.T) {
	onlyWhole(t)
	for _, tt := range []struct {
		down time.Duration
		told bool
	}{{2 * time.Second, false}, {7 * time.Second, true}, {30 * time.Second, true}} {
		t.Run(fmt.Sprint(tt.down), func(t *testing.T) { engineDown(t, tt.down, tt.told) })
	}
}

// engineDown for 30s is trap 27, too: left alone, gRPC would try again after two minutes.
func engineDown(t *testing.T, down time.Duration, told bool) {
	s := newScene(t, setup{}, 1)
	s.nodes(2)
	s.awaitMembers(2)
	owner := s.owner()
	s.sleep(time.Second)
	e := s.engines[0]
	at := now()
	e.kill()
	s.sleep(down)
	back := now()
	e.start()
	if told {
		s.await("an owner", func() bool { s.view.look(); return len(s.view.starts(back, "")) > 0 })
		end := s.awaitNote(history.Told, owner.process.name, at)
		t.Logf("told after %v; started %v after the engine was", end.At-at, s.view.starts(back, "")[0].At-back)
	}
	s.awaitMembers(2)
	s.sleep(s.usual.TTL)
	s.view.look()
	if n := len(s.view.find(history.Told, at, "")); (n > 0) != told {
		t.Errorf("told %d times", n)
	}
	v := s.safe()
	t.Logf("longest time without an act: %v", v.gap(singleton))
}

// The engine stands still.
func TestFault6EnginePaused(t *testing.T) {
	onlyWhole(t)
	for _, part := range []float64{0.5, 0.9, 1.5} {
		t.Run(fmt.Sprintf("%v TTL", part), func(t *testing.T) {
			s := newScene(t, setup{}, 1)
			s.nodes(2)
			s.awaitMembers(2)
			s.owner()
			s.sleep(time.Second)
			at := now()
			s.engines[0].signal(syscall.SIGSTOP)
			s.sleep(time.Duration(part * float64(s.usual.TTL)))
			s.engines[0].signal(syscall.SIGCONT)
			s.awaitMembers(2)
			s.sleep(s.usual.TTL)
			s.awaitOwned()
			v := s.safe()
			t.Logf("told %d, longest time without an act: %v", len(s.view.find(history.Told, at, "")), v.gap(singleton))
		})
	}
}

// The engine has no space: what runs goes on, what is free is not taken until there is some.
func TestFault6NoSpace(t *testing.T) {
	onlyWhole(t)
	s := newScene(t, setup{}, 1)
	s.nodes(2)
	s.awaitMembers(2)
	owner := s.owner()
	at := now()
	s.alarm(pb.AlarmRequest_ACTIVATE)
	s.sleep(2 * s.usual.TTL)
	s.view.look()
	if told := s.view.find(history.Told, at, ""); len(told) > 0 {
		t.Error(told)
	}
	owner.term()
	s.sleep(s.usual.TTL)
	s.view.look()
	t.Logf("%d starts without space", len(s.view.starts(at, "")))
	disarmed := now()
	s.alarm(pb.AlarmRequest_DEACTIVATE)
	next := s.successor(owner.process, at)
	t.Logf("taken over %v after there was space", next.At-disarmed)
	s.safe()
}

func (s *scene) alarm(do pb.AlarmRequest_AlarmAction) {
	s.t.Helper()
	c := s.client()
	defer c.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), hang)
	defer cancel()
	status, err := c.Status(ctx, s.engines[0].Listen)
	if err != nil {
		s.t.Fatal(err)
	}
	r := &pb.AlarmRequest{Action: do, MemberID: status.Header.MemberId, Alarm: pb.AlarmType_NOSPACE}
	if _, err := pb.NewMaintenanceClient(c.ActiveConnection()).Alarm(ctx, r); err != nil {
		s.t.Fatal(err)
	}
}

// The engine's directory is wiped: tokens would be given out again, so nothing runs any more,
// and the nodes say why.
func TestFault6DirectoryWiped(t *testing.T) {
	onlyWhole(t)
	s := newScene(t, setup{}, 1)
	s.nodes(2)
	s.awaitMembers(2)
	owner := s.owner()
	e := s.engines[0]
	e.kill()
	if err := os.RemoveAll(e.Data); err != nil {
		t.Fatal(err)
	}
	e.start()
	s.awaitEngine()
	at := now()
	s.awaitNote(history.Stop, owner.process.name, 0)
	for _, m := range s.members {
		s.await("word of it from "+m.Name, func() bool {
			log, _ := os.ReadFile(m.log)
			return strings.Contains(string(log), "bump-revision")
		})
	}
	s.sleep(2 * s.usual.TTL)
	s.view.look()
	if starts := s.view.starts(at, ""); len(starts) > 0 {
		t.Error(starts)
	}
	s.judge().right(t, s.seed)
}
