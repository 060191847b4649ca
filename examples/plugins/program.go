package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// This file is the other side: the program of a plugin.

const (
	pluginCommand = "plugin"
	workerName    = "worker"
	// handshake is the first line that a plugin writes, once it is up.
	handshake = "plugin/1 ready"
)

// fault is what is wrong with a plugin.
type fault string

const (
	noFault fault = "none"
	// crashes: it panics at the second request.
	crashes fault = "crashes"
	// hangs: it takes up the second request and does nothing any more; nor does it
	// end when it is asked to. Like many plugins it has a process of its own at
	// work, which keeps its output open.
	hangs fault = "hangs"
)

// runPlugin is the program of a plugin: "plugin name fault". It returns the exit
// code.
func runPlugin(args []string, in io.Reader, out, log io.Writer) int {
	if len(args) != 2 {
		fmt.Fprintf(log, "usage: %s name fault, not %q\n", pluginCommand, args)
		return 2
	}
	name, broken := args[0], fault(args[1])
	if name == workerName {
		time.Sleep(time.Minute)
		return 0
	}
	if broken == hangs {
		signal.Ignore(syscall.SIGTERM)
		if err := startWorker(); err != nil {
			fmt.Fprintln(log, err)
			return 1
		}
	}
	fmt.Fprintln(out, handshake)
	requests := bufio.NewScanner(in)
	for n := 1; requests.Scan(); n++ {
		if n > 1 {
			misbehave(broken)
		}
		id, request, _ := strings.Cut(requests.Text(), " ")
		fmt.Fprintln(out, id, answer(request))
	}
	return 0 // the host has closed the pipe
}

func misbehave(f fault) {
	switch f {
	case noFault:
	case crashes:
		meetings()["now"]++ // assignment to entry in nil map
	case hangs:
		for {
			time.Sleep(time.Hour)
		}
	}
}

// meetings should have made its map.
func meetings() map[string]int { return nil }

func answer(request string) string {
	verb, text, _ := strings.Cut(request, " ")
	switch verb {
	case "ping":
		return "pong"
	case "upper":
		return strings.ToUpper(text)
	default:
		return "error: what is " + verb + "?"
	}
}

func startWorker() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(program, pluginCommand, workerName, string(noFault))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Start()
}
