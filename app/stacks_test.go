package app

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// What has no goroutine any more hung where it was seen last; what was never looked
// at has a word instead.
func TestPrintHungWithoutGoroutines(t *testing.T) {
	root := tend.New("root", tend.Spec{})
	c := svc("root/b", tend.StateStopping)
	c.Token, c.Stopping = root.Add(tendtest.Idle("b")), tend.Reason{Err: io.EOF, Text: "moved away"}
	var text strings.Builder
	printHung(&text, root, hanging(sup("root", c), []tend.ServiceStuck{{
		Origin: tend.Origin{Supervisor: "root", Service: "a/c", Token: root.Add(tendtest.Idle("a/c")), Time: noon},
		Cause:  tend.Reason{Err: io.EOF, Text: "in the way"}, Waited: 10 * time.Second,
		Stacks: "1 goroutine:\nmain.f\n\t/f.go:1\n",
	}}))
	if d := cmp.Diff(`
root/a%2Fc did not stop, asked 11:59:50: in the way
    1 goroutine:
    main.f
    	/f.go:1

root/b is stopping since 11:59:00: moved away
    tend: no stacks: no goroutine has its label
`, text.String()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
