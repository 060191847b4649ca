//go:build linux

package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"
)

// A setup is what a process of the suite is to do. The test binary runs itself for each of
// them, with the setup as JSON in its environment.
type setup struct {
	Role    string // engine, ledger, node
	Dir     string // where it notes what happens
	Process string // one life of one process; the name in all notes

	Data   string            // engine: its directory
	Listen string            // engine: of clients; ledger: its socket
	Name   string            // engine, node: the same after a restart
	Peers  map[string]string // engine: address of each voter as others reach it; none: it is alone
	PeerAt string            // engine: where it listens for them

	Endpoints []string      // node: of the engine
	Ledger    string        // node: the socket of the ledger
	TTL       time.Duration // node
	Margin    time.Duration // node
	Grant     time.Duration // node: what the engine grants instead of TTL, as if the node's clock had another rate
	Settle    time.Duration // node
	Every     time.Duration // node: how often a service acts
	Shards    int           // node: 0 is a singleton
	Conduct   conduct       // node: how services behave
	Within    time.Duration // node: how long its tree may take to stop
	Mutant    mutant        // what is wrong on purpose
}

// A conduct is how a service behaves, besides that it acts.
type conduct struct {
	Check    bool          // it asks cluster.Check before each act
	Work     time.Duration // between that and the act
	Heeds    bool          // it acts no more under a token that was refused
	Lingers  time.Duration // how long it goes on when it was told
	Stubborn bool          // it does not heed its context
	Helper   bool          // a helper does all that, and Serve returns when it is told
}

// A mutant is a mistake that the checker must find.
type mutant string

const (
	stock      mutant = "stock"      // clientv3/concurrency, with Done heeded
	fromAnswer mutant = "fromAnswer" // a session whose deadline counts from the answer, looked at once a second
	early      mutant = "early"      // a claim is released when its service is told
	hasty      mutant = "hasty"      // a claim is forgotten when the delete is answered
	noOverrun  mutant = "noOverrun"  // nothing ends a process whose service ignores its context
	takesAll   mutant = "takesAll"   // the ledger has no fence
)

const variable = "TEND_FAULTS_SETUP"

func TestMain(m *testing.M) {
	text := os.Getenv(variable)
	if text == "" {
		os.Exit(m.Run())
	}
	var s setup
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(s.run())
}

// run is the whole life of a process; its result the exit code.
func (s setup) run() int {
	switch {
	case s.Role == "engine":
		return s.runEngine()
	case s.Role == "ledger":
		return s.runLedger()
	case s.Mutant == stock:
		return s.runStock()
	case s.Mutant == fromAnswer:
		return s.runFromAnswer()
	}
	return s.runNode()
}
