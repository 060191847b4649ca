//go:build linux && race

package faults

func init() { racing = true }
