package app

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// What has no goroutine any more hung where it was seen last; what was never looked
// at has a word instead.
func TestPrintHungWithoutGoroutines(t *testing.T) {
	since := time.Date(2000, 1, 1, 12, 34, 56, 0, time.UTC)
	var text strings.Builder
	printHung(&text, sup("root", with(svc("root/b", tend.StateStopping), func(c *tend.ServiceStatus) {
		c.Token, c.Since, c.Stopping = tend.New("", tend.Spec{}).Add(until("b")), since, "moved away"
	})), []tend.Unstopped{{Path: "root/a", Since: since, Cause: "in the way", Stacks: "1 goroutine:\nmain.f\n\t/f.go:1\n"}})
	if d := cmp.Diff(`
root/a did not stop, asked 12:34:56: in the way
    1 goroutine:
    main.f
    	/f.go:1

root/b is stopping since 12:34:56: moved away
    no goroutine with its label was found
`, text.String()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
