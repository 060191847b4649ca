package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/process"
)

// errNotRunning is the failure of a call to a plugin that does not run, or has
// ended before it answered.
var errNotRunning = errors.New("the plugin does not run")

// pluginProcess is a plugin in a process of its own. Requests go to its standard
// input, a line each with a number in front; answers come from its standard
// output with the same number, in any order; its standard error is its log.
type pluginProcess struct {
	name    string
	command *process.Command

	mu    sync.Mutex
	fault fault
	conn  *connection // of this run; nil while there is none
}

// newProcess makes a plugin of the program, which is this one. Its log goes to log.
func newProcess(program, name string, f fault, r rules, log io.Writer) *pluginProcess {
	p := &pluginProcess{name: name, fault: f}
	p.command = &process.Command{
		Name: name, Path: program, Args: []string{pluginCommand, name},
		Env:   append(process.Environ(), "GOTRACEBACK=none"), // why it crashed is enough here
		Setup: p.connect, Started: p.started, Output: func(l process.Line) { p.output(l, log) },
		Ready: process.ReadyLine(regexp.MustCompile("^" + handshake + "$")), StartTimeout: max(r.interval, 10*time.Second),
		StopTimeout: r.grace,
	}
	return p
}

// child is how the process wants to be supervised.
func (p *pluginProcess) child() tend.Child { return p.command.Child() }

func (p *pluginProcess) String() string { return p.name }

// Serve runs the process once.
func (p *pluginProcess) Serve(ctx context.Context) error {
	defer p.disconnect()
	return p.command.Serve(ctx)
}

// setFault says what will be wrong with the program from its next start on.
func (p *pluginProcess) setFault(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// connect is the Setup of the command: each run gets a pipe of its own, so that
// nothing of an earlier one is ever read.
func (p *pluginProcess) connect(cmd *exec.Cmd) error {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdin = theirs
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd.Args = append(cmd.Args, string(p.fault))
	p.conn = newConnection(ours)
	return nil
}

// started is the Started of the command: the child has its end of the pipe now.
func (p *pluginProcess) started(cmd *exec.Cmd) { _ = cmd.Stdin.(*os.File).Close() }

// disconnect ends the connection of the run, if it has got so far as to have one.
func (p *pluginProcess) disconnect() {
	p.mu.Lock()
	c := p.conn
	p.conn = nil
	p.mu.Unlock()
	if c != nil {
		c.close()
	}
}

func (p *pluginProcess) connection() *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn
}

func (p *pluginProcess) output(l process.Line, log io.Writer) {
	if l.Stream == process.Stdout {
		p.connection().answered(l.Text)
		return
	}
	fmt.Fprintf(log, "        %s: %s\n", p.name, l.Text)
}

// Ping asks the plugin whether it is there. That it runs is not enough.
func (p *pluginProcess) Ping(ctx context.Context) error {
	answer, err := p.Call(ctx, "ping")
	if err == nil && answer != "pong" {
		err = fmt.Errorf("answered %q to a ping", answer)
	}
	return err
}

// Call sends a request, one line, and waits for the answer, for the end of ctx or
// for that of the process. Calls do not wait for each other.
func (p *pluginProcess) Call(ctx context.Context, request string) (string, error) {
	if c := p.connection(); c != nil {
		return c.call(ctx, request)
	}
	return "", errNotRunning
}

// connection is the pipe to one run, and who waits for an answer of it.
type connection struct {
	pipe    *os.File
	writing chan struct{} // of size 1: who has put something in writes, and has the next
	unsent  string        // the rest of a line whose writer has given up

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan<- string
	closed  chan struct{}
}

func newConnection(pipe *os.File) *connection {
	return &connection{
		pipe: pipe, writing: make(chan struct{}, 1),
		waiting: make(map[uint64]chan<- string), closed: make(chan struct{}),
	}
}

func (c *connection) call(ctx context.Context, request string) (string, error) {
	if strings.Contains(request, "\n") {
		return "", fmt.Errorf("the request %q is not one line", request)
	}
	id, answer := c.register()
	defer c.forget(id)
	err := c.write(ctx, fmt.Sprintf("%d %s\n", id, request))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // a full pipe, or a late write, says nothing about the process
		return "", fmt.Errorf("no answer to %q: %w", request, cmp.Or(context.Cause(ctx), context.DeadlineExceeded))
	case err != nil:
		return "", fmt.Errorf("%w: %w", errNotRunning, err)
	}
	select {
	case a := <-answer:
		return a, nil
	case <-c.closed:
		return "", errNotRunning
	case <-ctx.Done():
		return "", fmt.Errorf("no answer to %q: %w", request, context.Cause(ctx))
	}
}

// write writes a line, or gives up at the end of ctx: a plugin that hangs does not read, and
// once the pipe is full whoever writes to it waits.
func (c *connection) write(ctx context.Context, line string) error {
	select {
	case c.writing <- struct{}{}:
		defer func() { <-c.writing }()
	case <-c.closed:
		return os.ErrClosed
	case <-ctx.Done():
		return os.ErrDeadlineExceeded
	}
	if err := c.pipe.SetWriteDeadline(time.Time{}); err != nil {
		return err
	}
	late := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(late)
		_ = c.pipe.SetWriteDeadline(time.Now())
	})
	defer func() {
		if !stop() {
			<-late // lest it cuts off the next one
		}
	}()
	begun := len(c.unsent)
	text := c.unsent + line
	n, err := io.WriteString(c.pipe, text)
	if n <= begun {
		text = text[:begun] // of the line itself nothing was written
	}
	c.unsent = text[n:]
	return err
}

func (c *connection) register() (id uint64, answer <-chan string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	a := make(chan string, 1)
	c.waiting[c.last] = a
	return c.last, a
}

func (c *connection) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// answered passes on an answer. One that nobody waits for any more is dropped, as
// is anything else that the process writes.
func (c *connection) answered(line string) {
	number, answer, _ := strings.Cut(line, " ")
	id, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.waiting[id]; ok {
		delete(c.waiting, id)
		a <- answer // of size 1, and only once
	}
}

// close may be called once.
func (c *connection) close() {
	close(c.closed)
	_ = c.pipe.Close()
}
