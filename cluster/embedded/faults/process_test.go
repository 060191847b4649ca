//go:build linux

package faults

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/tend-go/tend/cluster/internal/history"
)

// A process is one life of a child of the test.
type process struct {
	t      *testing.T
	name   string // of this life
	log    string // the file of its stdout and stderr
	cmd    *exec.Cmd
	stdin  io.Writer
	driver *notes // nil: no note when it is dead
	done   chan struct{}
	code   int // once it is done
}

// spawn starts this binary as what s says, in a namespace if that is not "".
func spawn(t *testing.T, s setup, driver *notes, namespace string) *process {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(s.Dir, s.Process+".log"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	args := []string{os.Args[0]}
	if namespace != "" {
		args = append([]string{"ip", "netns", "exec", namespace}, args...)
	}
	p := &process{t: t, name: s.Process, log: out.Name(), cmd: exec.Command(args[0], args[1:]...), driver: driver, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), variable+"="+string(text))
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.wait()
	t.Cleanup(func() { p.signal(syscall.SIGKILL); <-p.done })
	return p
}

func (p *process) wait() {
	var exit *exec.ExitError
	if err := p.cmd.Wait(); errors.As(err, &exit) {
		p.code = exit.ExitCode()
	}
	if p.driver != nil {
		p.driver.note(history.Record{What: history.Dead, Process: p.name})
	}
	close(p.done)
}

func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// kill -9, and wait until it is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// term asks it to stop, and waits until it has.
func (p *process) term() {
	p.signal(syscall.SIGTERM)
	p.end()
}

// end waits until it is gone by itself.
func (p *process) end() {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(hang):
		p.t.Fatalf("%s does not end", p.name)
	}
}

// pause: the process is noted as paused before it is, and as resumed after.
func (p *process) pause() {
	p.note(history.Pause)
	p.signal(syscall.SIGSTOP)
}

func (p *process) resume() {
	p.signal(syscall.SIGCONT)
	p.note(history.Resume)
}

func (p *process) note(w history.What) {
	if p.driver != nil {
		p.driver.note(history.Record{What: w, Process: p.name})
	}
}

// hang is how long anything may take; whatever takes longer hangs.
const hang = 90 * time.Second
