//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyStatus makes SIGUSR1 ask for the status of the tree.
func notifyStatus(wanted chan<- os.Signal) { signal.Notify(wanted, syscall.SIGUSR1) }
