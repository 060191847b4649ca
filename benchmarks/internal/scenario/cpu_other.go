//go:build !unix

package scenario

import "time"

// processorTime is not known here.
func processorTime() time.Duration { return 0 }
