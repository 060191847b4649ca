package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tend-go/tend/health"
)

// pluginProgram is the program of the plugins that come with the example: it is the
// example itself, called as
//
//	agent plugin dir name fault start|status|run
//
// Its daemon answers on a socket whose address is in dir, and writes a heartbeat
// every second. It ends when dir is gone, at the latest after a minute.
func pluginProgram(args []string, stdout, stderr io.Writer) int {
	if len(args) != 4 {
		fmt.Fprintln(stderr, "usage: agent plugin dir name fault start|status|run")
		return 2
	}
	p := program{dir: args[0], name: args[1], fault: args[2]}
	commands := map[string]func() error{"start": p.start, "status": p.status, "run": p.run}
	command := commands[args[3]]
	if command == nil {
		fmt.Fprintf(stderr, "%s: no command %q\n", p.name, args[3])
		return 2
	}
	if err := command(); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", p.name, err)
		return 1
	}
	fmt.Fprintf(stdout, "%s: ok\n", p.name)
	return 0
}

// program is one plugin.
type program struct {
	dir, name string
	fault     string // crash: once, after two seconds; mute: no heartbeats after the first; hang: a start never ends
}

// heartbeatFile is where the plugin called name in dir writes.
func heartbeatFile(dir, name string) string { return filepath.Join(dir, name+".beat") }

func (p program) file(extension string) string { return filepath.Join(p.dir, p.name+extension) }

// status asks the daemon whether it is there.
func (p program) status() error {
	address, err := os.ReadFile(p.file(".address"))
	if err != nil {
		return errors.New("not running")
	}
	conn, err := net.DialTimeout("tcp", string(address), time.Second)
	if err != nil {
		return errors.New("not running any more")
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	answer, _ := io.ReadAll(conn) // what came is enough
	if strings.TrimSpace(string(answer)) != p.name {
		return fmt.Errorf("it says %q", answer)
	}
	return nil
}

// start starts the daemon, unless it runs, and returns when it answers.
func (p program) start() error {
	if p.status() == nil {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	daemon := exec.Command(self, "plugin", p.dir, p.name, p.fault, "run") // no output: it must not hold ours open
	if err := daemon.Start(); err != nil {
		return err
	}
	if p.fault == "hang" {
		select {}
	}
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = p.status(); err == nil {
			return nil
		}
	}
	return err
}

// run is the daemon.
func (p program) run() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.file(".address"), []byte(listener.Addr().String()), 0o600); err != nil {
		return err
	}
	go p.answer(listener)
	for second := range 60 {
		if _, err := os.Stat(p.dir); err != nil {
			return nil
		}
		if p.fault != "mute" || second == 0 {
			if err := health.WriteBeat(heartbeatFile(p.dir, p.name), time.Now()); err != nil {
				return err
			}
		}
		if p.fault == "crash" && second == 2 && p.firstTime() {
			return errors.New("crashed")
		}
		time.Sleep(time.Second)
	}
	return nil
}

func (p program) answer(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		fmt.Fprintln(conn, p.name)
		_ = conn.Close()
	}
}

// firstTime is true once.
func (p program) firstTime() bool {
	f, err := os.OpenFile(p.file(".crashed"), os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_ = f.Close()
	}
	return err == nil
}
