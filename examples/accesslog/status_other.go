//go:build !unix

package main

import "os"

// notifyStatus does nothing: there is no SIGUSR1 here.
func notifyStatus(chan<- os.Signal) {}
