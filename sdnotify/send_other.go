//go:build !linux

package sdnotify

import (
	"errors"
	"time"
)

// There is no systemd here, so nothing is ever sent.
const supported = false

func sendTo(string, string, time.Duration) error { return errors.ErrUnsupported }

func monotonic() (time.Duration, bool) { return 0, false }
