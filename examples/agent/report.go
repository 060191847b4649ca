package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/retry"
)

// report is what the agent posts.
type report struct {
	OS      string         `json:"os"`
	Arch    string         `json:"arch"`
	Plugins []pluginReport `json:"plugins"`
}

type pluginReport struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Status  string `json:"status,omitempty"`
	Output  string `json:"output,omitempty"` // why
}

// What a plugin may be.
const (
	running   = "PERSIST_RUNNING"
	failed    = "PERSIST_FAIL"
	installed = "ONCE_INSTALLED" // whether it runs is not asked
)

// The widths of the server's columns, in bytes.
const (
	maxName   = 64
	maxOutput = 256
)

// report is what is said of p.
func (p plugin) report(status string) pluginReport {
	return pluginReport{Name: cut(p.Name, maxName), Version: cut(p.Version, maxName), Status: status}
}

// reports says the same of each plugin.
func reports(plugins []plugin, status string) (out []pluginReport) {
	for _, p := range plugins {
		out = append(out, p.report(status))
	}
	return out
}

// How often a post is tried, and the waits between: those of Aliyun, but that the
// list, which it posts once, does not give up. Tomorrow would be late for it.
var (
	scanPosts    = retry.Policy{Backoff: tend.Backoff{Min: 2 * time.Second}, Limit: tend.Limit{N: 1 + 3}}
	pullPosts    = retry.Policy{Limit: tend.Limit{N: 1}}
	upgradePosts = retry.Policy{Backoff: tend.Backoff{Min: 3 * time.Second}, Limit: tend.Limit{N: 1 + 2}}
	listPosts    = retry.Policy{Backoff: tend.Backoff{Min: time.Minute, Max: time.Hour}}
)

// report posts what is to be said of plugins, and does what the server answers.
func (a *agent) report(ctx context.Context, path string, list []pluginReport, again retry.Policy) error {
	d, err := a.post(ctx, path, list, again)
	if err != nil {
		return err
	}
	a.obey(ctx, d)
	return nil
}

// post posts until that is delivered or given up. If there is nothing to be said of any
// plugin it says nothing.
func (a *agent) post(ctx context.Context, path string, list []pluginReport, again retry.Policy) (d directive, err error) {
	if len(list) == 0 {
		return d, nil
	}
	err = again.Do(ctx, func(ctx context.Context) error {
		d, err = a.server.post(ctx, path, report{runtime.GOOS, runtime.GOARCH, list})
		return err
	})
	if err != nil {
		return d, fmt.Errorf("report to %s: %w", path, err)
	}
	return d, nil
}
