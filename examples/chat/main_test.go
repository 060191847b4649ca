package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/tend-go/tend"
)

// person is a client of the test.
type person struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Scanner
}

// begin serves a chat until the test ends, and returns what connects to it.
func begin(t *testing.T) (*tend.Supervisor, func(room string, others int) *person) {
	t.Helper()
	at := make(chan net.Addr, 1)
	root := newTree("127.0.0.1:0", func(a net.Addr) { at <- a }, tend.Spec{EventHook: func(tend.Event) {}})
	root.ServeBackground(t.Context())
	t.Cleanup(root.Stop)
	addr := (<-at).String()
	return root, func(room string, others int) *person {
		t.Helper()
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		p := &person{t, c, bufio.NewScanner(c)}
		p.say(room)
		p.hears(fmt.Sprintf("* %d others are in the room", others))
		return p
	}
}

func (p *person) say(line string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.conn, line); err != nil {
		p.t.Error(err)
	}
}

func (p *person) hears(want string) {
	p.t.Helper()
	if !p.in.Scan() || p.in.Text() != want {
		p.t.Errorf("heard %q, want %q", p.in.Text(), want)
	}
}

// TestRooms: what is said in a room is heard by all who are in it, and by nobody else.
func TestRooms(t *testing.T) {
	_, connect := begin(t)
	ann, bob := connect("garden", 0), connect("garden", 1)
	eve := connect("cellar", 0)
	ann.say("hello")
	ann.hears("hello")
	bob.hears("hello")
	eve.say("who is there?")
	eve.hears("who is there?")
	_ = bob.conn.Close()
	ann.say("bye")
	ann.hears("bye")
}

// TestACrashInOneRoom: those in it are in again, in a new one, and other rooms notice
// nothing.
func TestACrashInOneRoom(t *testing.T) {
	_, connect := begin(t)
	ann, bob := connect("garden", 0), connect("garden", 1)
	eve := connect("cellar", 0)
	eve.say("before")
	ann.say("/crash")
	for _, p := range []*person{ann, bob} {
		p.hears("* the room has failed (panic: somebody said /crash), you are in again")
	}
	ann.say("still here?")
	ann.hears("still here?")
	bob.hears("still here?")
	eve.say("after")
	eve.hears("before")
	eve.hears("after")
}

// TestASlowClient loses the oldest lines, and keeps nobody waiting.
func TestASlowClient(t *testing.T) {
	root, connect := begin(t)
	ann, slow := connect("garden", 0), connect("garden", 1)
	line := strings.Repeat("x", 10_000)
	const lines = 2000 // 20 MB: no socket holds that
	go func() {
		for range lines {
			ann.say(line)
		}
		ann.say("done")
	}()
	heard := 0
	for ann.in.Scan() && ann.in.Text() != "done" {
		heard++
	}
	var lost uint64
	status := root.Status()
	for _, c := range status.All() {
		if c.Mailbox != nil {
			lost += c.Mailbox.Lost
		}
	}
	if lost == 0 {
		t.Errorf("ann has heard %d lines, and nobody lost any", heard)
	}
	_ = slow.conn.Close()
}

// TestArguments: what makes no sense is said.
func TestArguments(t *testing.T) {
	for _, args := range [][]string{{"-addr"}, {"what"}, {"-x"}} {
		if root, _, err := open(args); err == nil || root != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
	if root, options, err := open([]string{"-addr", "127.0.0.1:0", "-http", "127.0.0.1:8081"}); err != nil || root == nil || options.Debug != "127.0.0.1:8081" {
		t.Errorf("%v, %+v", err, options)
	}
}
