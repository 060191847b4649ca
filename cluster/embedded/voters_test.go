package embedded_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tend-go/tend/cluster/embedded"
	"github.com/tend-go/tend/cluster/internal/store"
)

// trioOf are the settings of three voters on loopback.
func trioOf(t *testing.T) []embedded.Options {
	t.Helper()
	peers, dir := map[string]string{}, t.TempDir()
	var all []embedded.Options
	for _, name := range []string{"a", "b", "c"} {
		peers[name] = free(t)
		all = append(all, embedded.Options{Dir: filepath.Join(dir, name), Listen: free(t), Name: name, Peers: peers, Volatile: true})
	}
	return all
}

// together serves them and waits until all are ready.
func together(t *testing.T, all []embedded.Options) (voters []*voter) {
	t.Helper()
	for _, o := range all {
		voters = append(voters, serve(t, embedded.New(o)))
	}
	for _, v := range voters {
		v.ready()
	}
	return voters
}

// leader is which of them leads.
func leader(t *testing.T, voters []*voter) int {
	t.Helper()
	for {
		for i, v := range voters {
			s, err := v.client().Status(soon(t), v.Near())
			if err != nil {
				t.Fatal(err)
			}
			if s.Leader == s.Header.MemberId {
				return i
			}
		}
	}
}

// The leader's server stops, and the claims go on: those of its own node are lost and taken
// by the others, theirs run on. When it is back, so is its node. With TLS, as between
// machines.
func TestLeaderStops(t *testing.T) {
	all, a := trioOf(t), newAuthority(t)
	for i := range all {
		a.certify(&all[i])
	}
	voters := together(t, all)
	s := &spread{fleet: newFleet(t, 6), owners: map[int]run{}, running: map[string]int{}}
	for i, v := range voters {
		s.join(all[i].Name, v.engine())
	}
	even := func() bool { return s.running["a"] == 2 && s.running["b"] == 2 && s.running["c"] == 2 }
	s.until("an even spread", even)
	gone := leader(t, voters)
	began := time.Now()
	voters[gone].stop()
	t.Log("stopped after", time.Since(began))
	s.down = all[gone].Name
	s.until("taken by the others", func() bool { return s.running[s.down] == 0 })
	s.down = ""
	serve(t, embedded.New(all[gone])).ready()
	s.until("even again", even)
}

// A spread is who has what of a fleet's shards. While a node is down only its own move.
type spread struct {
	*fleet
	owners  map[int]run
	running map[string]int
	down    string
}

func (s *spread) until(what string, done func() bool) {
	s.t.Helper()
	began := time.Now()
	for !done() {
		s.note(s.next())
	}
	s.t.Log(what, "after", time.Since(began))
}

func (s *spread) note(r run) {
	if old, ok := s.owners[r.claim.Shard]; ok {
		if s.running[old.node]--; r.claim.Token <= old.claim.Token {
			s.t.Errorf("token %d after %d", r.claim.Token, old.claim.Token)
		}
		if s.down != "" && old.node != s.down {
			s.t.Errorf("shard %d of %s was taken, too, by %s", r.claim.Shard, old.node, r.node)
		}
	}
	s.owners[r.claim.Shard] = r
	s.running[r.node]++
}

// A voter whose directory is lost does not come back, as it would have forgotten what it
// acknowledged; the others go on.
func TestWipedVoter(t *testing.T) {
	all := trioOf(t)
	voters := together(t, all)
	voters[0].stop()
	if err := os.RemoveAll(all[0].Dir); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() { failed <- embedded.New(all[0]).Serve(t.Context()) }()
	if err := wait(t, "it fails", failed); err == nil || !strings.Contains(err.Error(), "has already been bootstrapped") {
		t.Error(err)
	}
	if _, _, err := voters[1].engine().Open(soon(t), time.Hour); err != nil {
		t.Error(err)
	}
}

// Without a majority nothing is acknowledged, and what is asked ends with its context.
func TestNoMajority(t *testing.T) {
	voters := together(t, trioOf(t))
	engine := voters[0].engine()
	lease, _, err := engine.Open(soon(t), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	voters[1].stop()
	voters[2].stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if a, err := engine.Create(ctx, "k", "v", lease, store.Guard{}); err == nil {
		t.Errorf("%+v", a)
	}
	began := time.Now()
	voters[0].stop()
	t.Log("stopped after", time.Since(began))
}

// With CAFile who shows no certificate, or somebody else's, is refused, as client and as
// peer; the engine shows the server's own.
func TestCertificatesAreRequired(t *testing.T) {
	all, a, foreign := trioOf(t), newAuthority(t), newAuthority(t)
	for i := range all {
		a.certify(&all[i])
	}
	foreign.issue()
	voters := together(t, all)
	for _, addr := range []string{all[0].Listen, all[0].Peers["a"]} {
		if got := refusal(t, addr, a.config()); !strings.Contains(got, "certificate required") {
			t.Error(addr, "without a certificate:", got)
		}
		if got := refusal(t, addr, a.config(foreign.pair())); !strings.Contains(got, "certificate required") && !strings.Contains(got, "unknown certificate authority") {
			t.Error(addr, "with a foreign certificate:", got)
		}
		if got := refusal(t, addr, a.config(a.pair())); got != "taken" {
			t.Error(addr, "with a certificate:", got)
		}
	}
	if _, _, err := voters[0].engine().Open(soon(t), time.Hour); err != nil {
		t.Error(err)
	}
}

// The engine takes no server that has another certificate than its own, and uses a new one
// as soon as it is in the files.
func TestEngineKnowsItsServer(t *testing.T) {
	o, a, foreign := alone(t), newAuthority(t), newAuthority(t)
	a.certify(&o)
	v := serve(t, embedded.New(o)).ready()
	other := o
	foreign.certify(&other)
	if _, err := tls.Dial("tcp", v.Near(), embedded.New(other).TLS()); err == nil || !strings.Contains(err.Error(), "another certificate than this server") {
		t.Error(err)
	}
	for i := range 2 {
		if _, _, err := v.engine().Open(soon(t), time.Hour); err != nil {
			t.Error(fmt.Sprint("certificate ", i+1, ": "), err)
		}
		a.issue()
	}
	if err := os.Remove(o.CertFile); err != nil {
		t.Fatal(err)
	}
	if _, err := v.EngineUntil(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
