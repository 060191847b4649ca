//go:build linux

package faults

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tend-go/tend/cluster/internal/history"
)

// A namespace is a network of its own for a node, with one wire to the rest. Real packets are
// dropped there, so that TCP does what it does.
type namespace struct {
	t          *testing.T
	name       string
	host, node string // addresses of the wire's ends
}

// needNamespaces skips the test where they cannot be made.
func needNamespaces(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root makes network namespaces")
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed (Debian: iproute2, nftables)", tool)
		}
	}
	probe := fmt.Sprintf("probe%d", os.Getpid())
	if out, err := exec.CommandContext(t.Context(), "ip", "netns", "add", probe).CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %s", out)
	}
	sh(t, "ip netns del "+probe)
}

func sh(t *testing.T, commands ...string) {
	t.Helper()
	for _, c := range commands {
		words := strings.Fields(c)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", c, err, out)
		}
	}
}

// newNamespace is the n-th of this process.
func newNamespace(t *testing.T, n int) *namespace {
	t.Helper()
	id := os.Getpid() % 10_000
	s := &namespace{
		t: t, name: fmt.Sprintf("tend%dx%d", id, n),
		host: fmt.Sprintf("10.213.%d.%d", id%250, 4*n+1), node: fmt.Sprintf("10.213.%d.%d", id%250, 4*n+2),
	}
	wire := fmt.Sprintf("td%dx%d", id, n)
	in := "ip netns exec " + s.name + " "
	sh(t,
		"ip netns add "+s.name,
		"ip link add "+wire+" type veth peer name eth0 netns "+s.name,
		"ip addr add "+s.host+"/30 dev "+wire,
		"ip link set "+wire+" up",
		in+"ip addr add "+s.node+"/30 dev eth0",
		in+"ip link set eth0 up",
		in+"nft add table inet faults",
		in+"nft add chain inet faults in { type filter hook input priority 0 ; }",
		in+"nft add chain inet faults out { type filter hook output priority 0 ; }",
	)
	t.Cleanup(func() { sh(t, "ip netns del "+s.name) }) // the wire goes with it
	return s
}

// cut drops packets as the rules say until it heals.
func (s *namespace) cut(rules ...string) {
	for _, r := range rules {
		sh(s.t, "ip netns exec "+s.name+" nft add rule inet faults "+r)
	}
}

func (s *namespace) heal() { sh(s.t, "ip netns exec "+s.name+" nft flush table inet faults") }

// outside are the same faults as those of the proxy, by nft.
var outside = []struct {
	name  string
	rules []string
}{
	{"both ways", []string{"in drop", "out drop"}},
	{"in", []string{"in drop"}},
	{"out", []string{"out drop"}},
	{"reset", []string{"out meta l4proto tcp reject with tcp reset", "in drop"}},
}

// wired has a node live in a namespace, and reach the engine by a forwarder at its wire.
func (s *scene) wired(name string, n int) (*member, *namespace) {
	s.t.Helper()
	ns := newNamespace(s.t, n)
	p := newProxyAt(s.t, ns.host+":0", s.engines[0].Listen, s.seed)
	m := &member{scene: s, setup: s.usual, namespace: ns.name}
	m.Name, m.Dir, m.Endpoints = name, s.dir, []string{p.addr()}
	s.members = append(s.members, m)
	m.start()
	return m, ns
}

// Partitions of real packets: as fault 4.
func TestFault4PartitionInNamespaces(t *testing.T) {
	onlyWhole(t)
	needNamespaces(t)
	s := newScene(t, setup{}, 1)
	at := map[*member]*namespace{}
	for i := range 2 {
		m, ns := s.wired(fmt.Sprintf("node-%d", i), i)
		at[m] = ns
	}
	s.awaitMembers(2)
	for range repeats(2) {
		for _, p := range outside {
			owner := s.owner()
			s.sleep(s.upTo(s.usual.TTL / 5))
			began := now()
			at[owner].cut(p.rules...)
			s.cutOff(owner, began, p.name)
			at[owner].heal()
			s.awaitMembers(2)
		}
	}
	s.safe()
}

// The stock election when real packets are dropped, and nothing is late. Whether it overlaps
// depends on when the packets stop: one of many is enough, as ours must not once.
func TestMutantStockInNamespaces(t *testing.T) {
	onlyWhole(t)
	needNamespaces(t)
	for i := range 24 {
		s := newScene(t, setup{Mutant: stock}, 1)
		first, ns := s.wired("node-0", i)
		s.owner()
		s.node("node-1")
		s.sleep(3*time.Second + s.upTo(2*time.Second))
		at := now()
		ns.cut(outside[0].rules...)
		next := s.successor(first.process, at)
		end := s.awaitNote(history.Stop, first.process.name, at)
		v := s.judge()
		t.Logf("try %d: the old one returned %v after its successor had begun, %d acts", i+1, end.At-next.At, len(v.Stale))
		if len(v.Overlaps) > 0 && len(v.Stale) > 0 {
			return
		}
	}
	t.Error("it is not caught")
}
