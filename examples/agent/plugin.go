package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"
	"unicode/utf8"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
	"github.com/tend-go/tend/process"
	"github.com/tend-go/tend/retry"
)

// plugin is a program that runs by itself as a daemon. The agent talks to it in
// two ways only: by its command ("status" succeeds while it runs, "start" starts it
// and returns) and by the heartbeat file that it writes. One that is run once, by
// others, is not talked to at all.
type plugin struct {
	Name      string   `json:"name"`
	Version   string   `json:"version"`
	Once      bool     `json:"once"`
	Path      string   `json:"path"`
	Args      []string `json:"args"` // come before "status" or "start"
	Heartbeat string   `json:"heartbeat"`

	HeartbeatSeconds float64 `json:"heartbeat_seconds"` // how often it writes
	StartSeconds     float64 `json:"start_seconds"`     // how long a start may take; 0: defaultStart
}

const (
	defaultStart  = time.Minute
	statusTimeout = 2 * time.Minute
	beatTimeout   = 10 * time.Second
	staleGrace    = 5 * time.Second // a heartbeat may be as much older than its interval
)

func (p plugin) every() time.Duration { return seconds(p.HeartbeatSeconds) }

func (p plugin) startTimeout() time.Duration {
	if p.StartSeconds == 0 {
		return defaultStart
	}
	return seconds(p.StartSeconds)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// daemons are those of the plugins that run all the time.
func daemons(plugins []plugin) (list []plugin) {
	for _, p := range plugins {
		if !p.Once {
			list = append(list, p)
		}
	}
	return list
}

// pluginsIn reads the plugins that are installed from a file, whenever it is called.
func pluginsIn(path string) func() ([]plugin, error) {
	return func() ([]plugin, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // it was only read
		return loadPlugins(f)
	}
}

// loadPlugins reads a JSON array of plugins.
func loadPlugins(r io.Reader) ([]plugin, error) {
	var list []plugin
	if err := json.NewDecoder(r).Decode(&list); err != nil {
		return nil, fmt.Errorf("reading plugins: %w", err)
	}
	names := map[string]bool{}
	for i, p := range list {
		if err := p.validate(); err != nil {
			return nil, fmt.Errorf("plugin %d, %q: %w", i+1, p.Name, err)
		}
		if names[p.Name] {
			return nil, fmt.Errorf("two plugins are called %q", p.Name)
		}
		names[p.Name] = true
	}
	return list, nil
}

// validate says what makes no sense. Whether the program is there is not asked:
// it may come with the next upgrade, and until then its status fails.
func (p plugin) validate() error {
	const century = 100 * 365 * 24 * 3600
	switch {
	case p.Name == "":
		return errors.New("name is empty")
	case p.Once:
		return nil
	case p.Path == "":
		return errors.New("path is empty")
	case p.Heartbeat == "":
		return errors.New("heartbeat is empty")
	case !(p.HeartbeatSeconds > 0 && p.HeartbeatSeconds < century): // also not a number
		return fmt.Errorf("heartbeat_seconds is %v", p.HeartbeatSeconds)
	case math.IsNaN(p.StartSeconds) || p.StartSeconds < 0 || p.StartSeconds > century:
		return fmt.Errorf("start_seconds is %v", p.StartSeconds)
	}
	return nil
}

// commands runs the command of a plugin.
type commands interface {
	status(ctx context.Context, p plugin) error
	start(ctx context.Context, p plugin) error
}

// processes runs them as processes, each in a group of its own that is killed as a
// whole when the time is over.
type processes struct{}

func (processes) status(ctx context.Context, p plugin) error {
	return process.Check(p.Path, append(p.Args[:len(p.Args):len(p.Args)], "status")...)(ctx)
}

// start leaves alone what a successful start leaves behind: that is the daemon.
func (processes) start(ctx context.Context, p plugin) error {
	c := &process.Command{
		Name: cut(p.Name, maxName) + " start", Path: p.Path, Args: append(p.Args[:len(p.Args):len(p.Args)], "start"),
		Orphans: process.KeepOnSuccess, StopTimeout: time.Second, DrainTimeout: 100 * time.Millisecond,
	}
	_, err := c.Run(ctx, 4096)
	if errors.Is(err, process.ErrOutputLimit) {
		return nil
	}
	return err
}

// heartbeat checks p's file. That it is missing, half-written or old may be a moment
// in the life of a file that is being replaced, so only a third look within half a
// second counts. A file that stays so, and a time in the future, is a failure; never
// is a plugin left out of a report because of its file.
func heartbeat(ctx context.Context, p plugin) error {
	again := retry.Policy{Backoff: tend.Backoff{Min: 250 * time.Millisecond}, Limit: tend.Limit{N: 3}}
	err := again.Do(ctx, health.File(p.Heartbeat, p.every()+staleGrace))
	var failed *retry.Error
	if errors.As(err, &failed) && failed.Err != nil {
		return failed.Err
	}
	return err
}

// cut shortens s to at most n bytes, at the end of a rune.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
