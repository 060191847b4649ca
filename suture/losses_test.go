package suture

import (
	"bytes"
	"log"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// A hook may lose events again and again: that is logged at once, and then in sums.
func TestLossesAreLoggedInSums(t *testing.T) {
	var out bytes.Buffer
	log.SetOutput(&out)
	log.SetFlags(0)
	defer func() { log.SetOutput(os.Stderr); log.SetFlags(log.LstdFlags) }()
	s, began := NewSimple("root"), time.Now()
	var l losses
	for _, c := range []struct {
		after time.Duration
		n     uint64
	}{{0, 7}, {time.Second, 1}, {59 * time.Second, 2}, {time.Minute, 4}, {61 * time.Second, 8}} {
		l.heard(s, tend.EventsDropped{Origin: tend.Origin{Time: began.Add(c.after), Supervisor: "root"}, N: c.n})
	}
	for _, path := range []string{"root/below", "root", "root"} {
		l.heard(s, tend.SupervisorStopped{Origin: tend.Origin{Time: began.Add(2 * time.Minute), Supervisor: path}})
	}
	want := `tend/suture: supervisor "root": the EventHook did not keep up, up to 7 events are lost
tend/suture: supervisor "root": the EventHook did not keep up, up to 7 events are lost
tend/suture: supervisor "root": the EventHook did not keep up, up to 8 events are lost
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
