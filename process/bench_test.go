//go:build linux

package process_test

import (
	"bytes"
	"context"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
	"testing"

	"github.com/tend-go/tend/process"
)

// BenchmarkStartStop starts 1,000 processes, all running at once, and stops
// them. Most of it is the kernel's work and that of sleep(1) itself; plain
// os/exec beside it, with a goroutine in Wait for each, shows how much. Threads
// are those that the Go program has made so far.
func BenchmarkStartStop(b *testing.B) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		b.Skip(err)
	}
	const n = 1000
	b.Run("Command", func(b *testing.B) {
		for b.Loop() {
			startStop(b, n, func(ctx context.Context, up func()) error {
				c := process.Command{Path: sleep, Args: []string{"60"}, Started: func(*exec.Cmd) { up() }}
				_ = c.Serve(ctx)
				return nil
			})
		}
		report(b, n)
	})
	b.Run("exec.Cmd", func(b *testing.B) {
		for b.Loop() {
			startStop(b, n, func(ctx context.Context, up func()) error {
				cmd := exec.CommandContext(ctx, sleep, "60")
				cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
				cmd.Stdout, cmd.Stderr = new(bytes.Buffer), new(bytes.Buffer)
				if err := cmd.Start(); err != nil {
					return err
				}
				up()
				_ = cmd.Wait()
				return nil
			})
		}
		report(b, n)
	})
}

func startStop(b *testing.B, n int, run func(ctx context.Context, up func()) error) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var up, down sync.WaitGroup
	up.Add(n)
	for range n {
		down.Go(func() {
			if err := run(ctx, up.Done); err != nil {
				b.Error(err)
				up.Done()
			}
		})
	}
	up.Wait()
	cancel()
	down.Wait()
}

func report(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/process")
	b.ReportMetric(float64(pprof.Lookup("threadcreate").Count()), "threads")
	runtime.GC()
}

// BenchmarkOutput is the way of a line from a process to Output.
func BenchmarkOutput(b *testing.B) {
	yes, err := exec.LookPath("yes")
	if err != nil {
		b.Skip(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	left := b.N
	c := process.Command{Path: yes, Args: []string{"a line of output of a usual length, such as a log has"}, Output: func(process.Line) {
		if left--; left == 0 {
			cancel()
		}
	}}
	b.ReportAllocs()
	_ = c.Serve(ctx)
}
