// Package apicheck compares the exported API of two packages. Its tests hold
// package suture to that of github.com/thejerf/suture/v4 v4.0.6, which the module
// of this package pins.
//
// The tests read the sources of both, which the cache of go test does not know:
// when only package suture has changed, run them with -count=1.
package apicheck
