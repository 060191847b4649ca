package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
)

// games stands for a container runtime: it starts and stops containers, which
// here are HTTP servers on the loopback interface, and lists those that run.
type games struct {
	containers *tend.Supervisor

	mu      sync.Mutex
	running map[string]*container // by game
	started int
}

func newGames() *games {
	return &games{
		containers: tend.New("containers", tend.Spec{Timeout: time.Second}),
		running:    map[string]*container{},
	}
}

// mood is how a container answers.
type mood int32

const (
	well  mood = iota
	sick       // with 503
	hangs      // not at all
)

// container is one HTTP server, and a service.
type container struct {
	target
	listener net.Listener
	token    tend.ServiceToken
	mood     atomic.Int32
	closing  chan struct{}
}

func (c *container) feel(m mood) { c.mood.Store(int32(m)) }

// start runs a container of the game, in place of the one that it may have.
func (g *games) start(game string) (*container, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g.stop(game)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.started++
	c := &container{listener: listener, closing: make(chan struct{}), target: target{
		Game: game, Container: fmt.Sprintf("c%02d", g.started), URL: "http://" + listener.Addr().String(),
	}}
	c.token = g.containers.Add(tend.Child{Name: game, Service: c, Restart: tend.Temporary})
	g.running[game] = c
	return c, nil
}

// stop ends the container of the game, if it has one.
func (g *games) stop(game string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.running[game]; c != nil {
		delete(g.running, game)
		_ = g.containers.Remove(c.token) // it may have gone by itself
	}
}

// list returns the targets that run now.
func (g *games) list(context.Context) ([]target, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var targets []target
	for _, c := range g.running {
		targets = append(targets, c.target)
	}
	slices.SortFunc(targets, func(a, b target) int { return strings.Compare(a.Game, b.Game) })
	return targets, nil
}

// Serve answers until ctx is done.
func (c *container) Serve(ctx context.Context) error {
	s := &http.Server{Handler: c, ReadHeaderTimeout: time.Second}
	go func() {
		<-ctx.Done()
		close(c.closing)
		_ = s.Close() // Serve returns, whatever this says
	}()
	if err := s.Serve(c.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return context.Cause(ctx)
}

// ServeHTTP answers as the container feels.
func (c *container) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch mood(c.mood.Load()) {
	case sick:
		http.Error(w, "the lobby is closed", http.StatusServiceUnavailable)
	case hangs:
		select {
		case <-r.Context().Done():
		case <-c.closing:
		}
	case well:
		_, _ = fmt.Fprintln(w, "ok") // the prober does not read it
	}
}
