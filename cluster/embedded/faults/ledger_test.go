//go:build linux

package faults

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/internal/history"
)

// A ledger is the resource: it hears each attempt over a unix socket, which no network fault
// reaches, refuses old tokens, and notes what was tried and what it took.
type ledger struct {
	mu     sync.Mutex
	fence  cluster.Fence
	all    bool // it takes all
	writer *bufio.Writer
}

func (s setup) runLedger() int {
	f, err := os.Create(filepath.Join(s.Dir, s.Process+".jsonl"))
	if err != nil {
		panic(err)
	}
	l := &ledger{all: s.Mutant == takesAll, writer: bufio.NewWriterSize(f, 1<<20)}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("unix", s.Listen)
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go l.serve(c)
		}
	}()
	<-ctx.Done()
	l.mu.Lock() // to the end: nothing is taken any more
	l.writer.Flush()
	return 0
}

// serve answers each line "process shard token" with a byte.
func (l *ledger) serve(c net.Conn) {
	defer c.Close()
	for in := bufio.NewScanner(c); in.Scan(); {
		r := history.Record{What: history.Act, Since: now()}
		if _, err := fmt.Sscan(in.Text(), &r.Process, &r.Shard, &r.Token); err != nil {
			return
		}
		answer := byte('0')
		if l.act(r) {
			answer = '1'
		}
		if _, err := c.Write([]byte{answer}); err != nil {
			return
		}
	}
}

func (l *ledger) act(r history.Record) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Taken = l.fence.Admit(r.Shard, r.Token) == nil || l.all
	r.At = now()
	_, _ = l.writer.Write(line(r)) // what was not written, the checker misses
	if !r.Taken {
		l.writer.Flush() // somebody may wait for that
	}
	return r.Taken
}

var errRefused = errors.New("the ledger refuses the token")

// A pen is a process's way to the ledger.
type pen struct {
	mu      sync.Mutex
	conn    net.Conn
	process string
}

func newPen(socket, process string) *pen {
	c, err := net.Dial("unix", socket)
	if err != nil {
		panic(err)
	}
	return &pen{conn: c, process: process}
}

// act tries something under a token.
func (p *pen) act(shard string, token int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := fmt.Fprintf(p.conn, "%s %s %d\n", p.process, shard, token); err != nil {
		return err
	}
	var answer [1]byte
	if _, err := p.conn.Read(answer[:]); err != nil {
		return err
	}
	if answer[0] != '1' {
		return errRefused
	}
	return nil
}
