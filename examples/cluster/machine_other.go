//go:build !linux && !darwin

package main

import (
	"time"

	"github.com/tend-go/tend/process"
)

// Here processes cannot be paused, and the driver says so at once.
const (
	kill          = process.Signal(9)
	pause         = process.Signal(0)
	carryOn       = process.Signal(0)
	supported     = false
	dieWithParent = false
)

func now() time.Duration { return 0 }
