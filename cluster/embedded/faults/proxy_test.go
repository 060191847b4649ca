//go:build linux

package faults

import (
	"bytes"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// A trouble is what a proxy does to what passes one way. TCP hides losses: what it cannot
// hide is silence, time and resets.
type trouble struct {
	Cut  bool          // nothing arrives, ends of connections included, until it heals; then all does, as TCP sends again
	Late time.Duration // by how much later all arrives
	Loss float64       // for each piece: it is lost, and again, and stalls its connection for TCP's 200ms, 400ms, …
}

// A weather is what a proxy does to its connections.
type weather struct {
	There, Back trouble // to the engine, and its answers
	Reset       bool    // connections are reset, and so are new ones
	From        string  // only those whose first piece has this in it; "": all
}

// A proxy stands between a node and the engine, or between two voters.
type proxy struct {
	t        *testing.T
	listener net.Listener
	target   string

	mu      sync.Mutex
	weather weather
	changed chan struct{} // closed with each change
	links   map[*link]bool
	rand    *rand.Rand
}

// A link is one connection.
type link struct {
	near, far net.Conn
	first     []byte
}

func newProxy(t *testing.T, target string, seed uint64) *proxy {
	t.Helper()
	return newProxyAt(t, "127.0.0.1:0", target, seed)
}

func newProxyAt(t *testing.T, at, target string, seed uint64) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, listener: l, target: target, changed: make(chan struct{}), links: map[*link]bool{}, rand: rand.New(rand.NewPCG(seed, 1))}
	go p.accept()
	t.Cleanup(func() {
		l.Close()
		p.set(weather{Reset: true})
	})
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// set changes the weather.
func (p *proxy) set(w weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weather = w
	close(p.changed)
	p.changed = make(chan struct{})
	if w.Reset {
		for l := range p.links {
			l.reset()
		}
	}
}

// reset ends both sides with RST.
func (l *link) reset() {
	for _, c := range []net.Conn{l.near, l.far} {
		if c, ok := c.(*net.TCPConn); ok {
			_ = c.SetLinger(0)
			c.Close()
		}
	}
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(&link{near: c})
	}
}

func (p *proxy) serve(l *link) {
	defer l.near.Close()
	first := make([]byte, 32<<10)
	n, err := l.near.Read(first)
	if err != nil {
		return
	}
	l.first = first[:n]
	p.hold(l, l.first, time.Now(), false) // the engine hears nothing of a connection that is cut off
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		l.reset()
		return
	}
	if !p.join(l, far) {
		l.reset()
		return
	}
	defer p.leave(l)
	var both sync.WaitGroup
	both.Go(func() { p.pass(l, l.near, far, l.first, false) })
	both.Go(func() { p.pass(l, far, l.near, nil, true) })
	both.Wait()
}

func (p *proxy) join(l *link, far net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.far = far
	p.links[l] = true
	return !p.weather.Reset
}

func (p *proxy) leave(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
	l.far.Close()
}

// piece is what came in one read.
type piece struct {
	data []byte
	came time.Time
}

// pass carries what one side says to the other, ends included.
func (p *proxy) pass(l *link, from, to net.Conn, first []byte, back bool) {
	pieces := make(chan piece, 1<<16)
	go func() {
		defer close(pieces)
		if first != nil {
			pieces <- piece{first, time.Now()}
		}
		for {
			data := make([]byte, 32<<10)
			n, err := from.Read(data)
			if err != nil {
				return
			}
			pieces <- piece{data[:n], time.Now()}
		}
	}()
	for c := range pieces {
		p.hold(l, c.data, c.came, back)
		if _, err := to.Write(c.data); err != nil {
			from.Close()
		}
	}
	p.hold(l, nil, time.Now(), back)
	if c, ok := to.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
}

// hold returns when what came may arrive.
func (p *proxy) hold(l *link, data []byte, came time.Time, back bool) {
	stalled := false
	for {
		p.mu.Lock()
		w, changed := p.trouble(l, back), p.changed
		if !stalled && data != nil {
			came = came.Add(p.stall(w.Loss))
			stalled = true
		}
		p.mu.Unlock()
		wait := time.Until(came.Add(w.Late))
		switch {
		case w.Cut:
			<-changed
		case wait <= 0:
			return
		default:
			select {
			case <-changed:
			case <-time.After(wait):
			}
		}
	}
}

func (p *proxy) trouble(l *link, back bool) trouble {
	w := p.weather
	if w.From != "" && !bytes.Contains(bytes.ToLower(l.first), []byte(strings.ToLower(w.From))) {
		return trouble{}
	}
	if back {
		return w.Back
	}
	return w.There
}

// stall is for how long a piece is sent again in vain.
func (p *proxy) stall(loss float64) (d time.Duration) {
	for again := 200 * time.Millisecond; loss > 0 && p.rand.Float64() < loss; again *= 2 {
		d += again
	}
	return d
}
