package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
)

// runPipeline runs the tree, without its HTTP service, until all of the log is
// counted, stops it, and returns the counts. meanwhile, if not nil, runs beside
// it for as long as its context lasts. It must be called in a bubble.
func runPipeline(t *testing.T, log source, parse func(string) entry, meanwhile func(context.Context, *tend.Supervisor)) counts {
	t.Helper()
	s := newStore()
	root := tend.New("root", tend.Spec{Ordered: true, FailureThreshold: 1e6, EventHook: func(tend.Event) {}})
	root.Add(tend.Child{Service: s, Name: "store"})
	root.Add(newPipeline(&reader{log: log, store: s}, parse))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := root.ServeBackground(ctx)
	var beside sync.WaitGroup
	if meanwhile != nil {
		beside.Go(func() { meanwhile(ctx, root) })
	}
	select {
	case <-s.complete:
	case <-time.After(24 * time.Hour):
		t.Errorf("not complete after a day; %d of %d lines counted\n%v", s.counts.Lines, s.lines, root.Status())
	}
	stop()
	beside.Wait()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the tree ended with %v", err)
	}
	if left := root.UnstoppedServices(); len(left) > 0 {
		t.Errorf("did not stop: %v", left)
	}
	return s.counts
}

// quiet keeps what a test does on purpose out of its log.
func quiet(t *testing.T) {
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(before) })
}

// The tree counts what a single goroutine counts, and each malformed line
// crashed exactly as many parsers as it may.
func TestPipeline(t *testing.T) {
	quiet(t)
	want := countPlainly(sampleTexts(t))
	synctest.Test(t, func(t *testing.T) {
		crashes := newTally()
		got := runPipeline(t, sourceOf(""), func(text string) entry {
			defer func() {
				if recovered := recover(); recovered != nil {
					crashes.add(text)
					panic(recovered)
				}
			}()
			return parse(text)
		}, nil)
		wantCounts(t, got, want)
		if n := crashes.total(); n != maxStrikes*want.Malformed {
			t.Errorf("%d crashes over %d malformed lines, want %d each", n, want.Malformed, maxStrikes)
		}
	})
}

// Logs at the edges of what a log can be.
func TestPipelineEdges(t *testing.T) {
	quiet(t)
	good := sampleTexts(t)[0]
	for name, data := range map[string]string{
		"empty":         "",
		"one line":      good + "\n",
		"no line end":   good,
		"one bad line":  "?\n",
		"only bad":      strings.Repeat("?\n", 300),
		"bad at an end": good + "\n?",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				files := fstest.MapFS{"log": {Data: []byte(data)}}
				got := runPipeline(t, source{files, "log"}, parse, nil)
				var want counts
				if data == "" {
					want = countPlainly(nil)
				} else {
					want = countPlainly(texts(data))
				}
				got.Rejects, want.Rejects = nil, nil // more than are kept
				wantCounts(t, got, want)
			})
		})
	}
}

// A parser that crashes once over a good line, whatever the way, is no reason to
// call the line malformed.
func TestPipelineRetries(t *testing.T) {
	quiet(t)
	all := sampleTexts(t)[:600]
	want := countPlainly(all)
	synctest.Test(t, func(t *testing.T) {
		seen := newTally()
		files := fstest.MapFS{"log": {Data: []byte(strings.Join(all, "\n"))}}
		got := runPipeline(t, source{files, "log"}, func(text string) entry {
			if seen.add(text) == 1 && len(text)%5 == 0 {
				if len(text)%2 == 0 {
					runtime.Goexit()
				}
				panic("not the line's fault")
			}
			return parse(text)
		}, nil)
		wantCounts(t, got, want)
	})
}

// Whatever is restarted, suspended or fails at whatever moment, no line is lost
// and none is counted twice.
func TestPipelineChaos(t *testing.T) {
	quiet(t)
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			all := sampleTexts(t)[int(seed)*500:][:1200]
			want := countPlainly(all)
			synctest.Test(t, func(t *testing.T) {
				data := []byte(strings.Join(all, "\n") + "\n")
				files := &flakyFS{data: data, failAt: []int64{1000, 50_000, 50_000, 51_000, 52_000, 52_001, 52_002, 90_000}}
				c := &chaos{Rand: rand.New(rand.NewPCG(seed, 1))}
				got := runPipeline(t, source{files, "log"}, slowParse, c.run)
				wantCounts(t, got, want)
				if c.steps < 100 {
					t.Errorf("only %d steps of chaos", c.steps)
				}
			})
		})
	}
}

// slowParse takes its time, of the bubble, so that services are stopped in the
// middle of their work.
func slowParse(text string) entry {
	time.Sleep(time.Duration(len(text)%7) * time.Millisecond)
	return parse(text)
}

// chaos picks services of a tree and does to them what an operator may do.
type chaos struct {
	*rand.Rand
	steps int
}

func (c *chaos) run(ctx context.Context, root *tend.Supervisor) {
	for ; c.steps < 1000 && ctx.Err() == nil; c.steps++ {
		c.step(root)
		time.Sleep(time.Duration(c.IntN(8)) * time.Millisecond)
	}
}

func (c *chaos) step(root *tend.Supervisor) {
	victims := flatten(root.Status())
	victim := victims[c.IntN(len(victims))].Token
	switch c.IntN(4) {
	case 0:
		_ = root.Restart(victim, errors.New("chaos"))
	case 1:
		_ = root.Suspend(victim)
		time.Sleep(time.Duration(c.IntN(10)) * time.Millisecond)
		_ = root.Restart(victim, nil)
	default:
		_ = root.Restart(victim, nil)
	}
}

// flatten lists every service below s.
func flatten(s tend.Status) (all []tend.ServiceStatus) {
	for _, service := range s.Services {
		all = append(all, service)
		if service.Supervisor != nil {
			all = append(all, flatten(*service.Supervisor)...)
		}
	}
	return all
}

// tally counts by text.
type tally struct {
	sync.Mutex
	n map[string]int
}

func newTally() *tally { return &tally{n: map[string]int{}} }

func (t *tally) add(text string) int {
	t.Lock()
	defer t.Unlock()
	t.n[text]++
	return t.n[text]
}

func (t *tally) total() (sum int) {
	for _, n := range t.n {
		sum += n
	}
	return sum
}
