//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly && !windows

package process_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/tend-go/tend/process"
)

// Where no process can be run, everything that would run one says so. CI runs this
// for js.
func TestNothingRunsHere(t *testing.T) {
	c := &process.Command{Path: "true"}
	want := fmt.Sprintf("tend/process: Command %q: processes cannot be run on %s: unsupported operation", "true", runtime.GOOS)
	for name, f := range map[string]func() error{
		"Validate": c.Validate,
		"Serve":    func() error { return c.Serve(t.Context()) },
		"Run":      func() error { _, err := c.Run(t.Context(), 0); return err },
		"Check":    func() error { return process.Check("true")(t.Context()) },
	} {
		if err := f(); !errors.Is(err, errors.ErrUnsupported) || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
