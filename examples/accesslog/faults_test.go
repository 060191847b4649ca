package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// scene is the whole tree at work on the first 1,200 lines of the sample, each of which takes
// some milliseconds, with a listener in memory.
type scene struct {
	*tendtest.Tree
	t     *testing.T
	job   job
	web   *wire
	texts []string
}

// play serves the tree, as main does, and calls test while it is counting; before it is served
// prepare, if it is not nil.
func play(t *testing.T, prepare func(*tendtest.Tree), test func(*testing.T, *scene)) {
	t.Helper()
	quiet(t)
	texts := sampleTexts(t)[:1200]
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, web: newWire(), texts: texts}
		files := fstest.MapFS{"log": {Data: []byte(strings.Join(texts, "\n"))}}
		s.job = newJob(source{files, "log"}, false, slowParse, s.web.listen)
		s.Tree = tendtest.New(t, s.job.root)
		if prepare != nil {
			prepare(s.Tree)
		}
		s.Serve()
		s.Sleep(100 * time.Millisecond)
		test(t, s)
	})
}

// wantCounted waits for the end of the log, and compares.
func (s *scene) wantCounted() {
	s.t.Helper()
	select {
	case <-s.job.store.complete:
	case <-time.After(24 * time.Hour):
		s.t.Fatalf("not complete after a day\n%v", s.job.root.Status())
	}
	c, err := s.job.store.snapshot(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	wantCounts(s.t, c, countPlainly(s.texts))
}

// incarnations are how often services have run.
func (s *scene) incarnations(names ...string) (list []uint64) {
	for _, name := range names {
		list = append(list, s.Service("accesslog/"+name).Incarnation)
	}
	return list
}

// TestFaultsCostNoLine: whatever fails in whatever way, each line is counted once.
func TestFaultsCostNoLine(t *testing.T) {
	boom := errors.New("boom")
	for name, strike := range map[string]func(*scene){
		"the reader fails":          func(s *scene) { s.Fail("accesslog/pipeline/reader", boom) },
		"a parser panics":           func(s *scene) { s.Panic("**/parser-2", "boom") },
		"all parsers exit":          func(s *scene) { s.Exit("**/parser-*") },
		"the aggregator panics":     func(s *scene) { s.Panic("**/aggregator", "boom") },
		"the store fails":           func(s *scene) { s.Fail("accesslog/store", boom) },
		"the pool of parsers fails": func(s *scene) { s.Fail("**/parsers", boom) },
		"the pipeline panics":       func(s *scene) { s.Panic("accesslog/pipeline", "boom") },
		"the web fails":             func(s *scene) { s.Fail("accesslog/http", boom) },
		"everything exits":          func(s *scene) { s.Exit("**") },
		"a restart finds slow ones": func(s *scene) {
			s.SlowStop("**", 300*time.Millisecond)
			_ = s.Root.Restart(s.Service("accesslog/pipeline").Token, nil)
		},
		"a restart finds one that hangs": func(s *scene) {
			s.Hang("**/parser-1")
			_ = s.Root.Restart(s.Service("accesslog/pipeline/reader").Token, nil)
			s.Sleep(time.Minute)
			s.Heal("**")
		},
		"starts fail": func(s *scene) {
			s.FailStart("accesslog/pipeline/**", 2)
			s.Fail("accesslog/pipeline/reader", boom)
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(t *testing.T, s *scene) {
				strike(s)
				s.wantCounted()
			})
		})
	}
}

// TestRestForOne: without a reader there is nothing to do behind it, but a broken aggregator is
// no reason to read anew.
func TestRestForOne(t *testing.T) {
	play(t, nil, func(t *testing.T, s *scene) {
		s.Panic("**/aggregator", "boom")
		s.Sleep(100 * time.Millisecond)
		if got := fmt.Sprint(s.incarnations("pipeline/reader", "pipeline/parsers", "pipeline/aggregator")); got != "[1 1 2]" {
			t.Errorf("after a failure of the aggregator they run for the %s time", got)
		}
		s.Tape.Lines()
		s.Fail("**/reader", errors.New("boom"))
		s.Sleep(100 * time.Millisecond)
		if got := fmt.Sprint(s.incarnations("pipeline/reader", "pipeline/parsers", "pipeline/aggregator")); got != "[2 2 3]" {
			t.Errorf("after a failure of the reader they run for the %s time", got)
		}
		s.Tape.WantAmong(
			"* accesslog/pipeline/reader service failed err=boom",
			"* accesslog/pipeline/aggregator service ended cause=ErrSiblingFailed",
			"* accesslog/pipeline/parsers service ended cause=ErrSiblingFailed",
			"* accesslog/pipeline/reader service started", "* accesslog/pipeline/parsers service started", "* accesslog/pipeline/aggregator service started",
		)
		s.wantCounted()
	})
}

// TestParsersHaveBudgetsOfTheirOwn: however often they crash nobody pauses, and none waits for
// less than 10 or more than 100 ms.
func TestParsersHaveBudgetsOfTheirOwn(t *testing.T) {
	play(t, nil, func(t *testing.T, s *scene) {
		for range 10 {
			s.Panic("**/parser-*", "boom")
			s.Sleep(200 * time.Millisecond)
		}
		s.wantCounted()
		crashes := 0
		for _, e := range s.Tape.Events() {
			switch e := e.(type) {
			case tend.PauseBegan:
				t.Errorf("%s has paused", e.Path())
			case tend.ServiceFailed:
				crashes++
				if e.Delay < 10*time.Millisecond || e.Delay > 100*time.Millisecond {
					t.Errorf("%s waits for %v", e.Path(), e.Delay)
				}
			}
		}
		if crashes < 40 {
			t.Errorf("only %d crashes", crashes)
		}
	})
}

// TestALogThatCannotBeReadEndsTheProgram: the pipeline tries it, then the root, then it is told.
func TestALogThatCannotBeReadEndsTheProgram(t *testing.T) {
	play(t, func(tree *tendtest.Tree) { tree.FailStart("**/reader", 1000) }, func(t *testing.T, s *scene) {
		err := s.Wait()
		tooMany := new(tend.TooManyFailures)
		if !errors.As(err, &tooMany) || !errors.Is(err, tendtest.ErrFault) {
			t.Errorf("the tree has ended with %v", err)
		}
		s.Tape.WantAmong("* accesslog/pipeline/reader service failed", "* accesslog/pipeline escalated", "* accesslog/pipeline service started restarts=1",
			"* accesslog escalated", "* accesslog supervisor stopped")
	})
}

// TestCountingGoesOnWithoutTheWeb: that it cannot listen is no reason to stop.
func TestCountingGoesOnWithoutTheWeb(t *testing.T) {
	play(t, func(tree *tendtest.Tree) { tree.FailStart("accesslog/http", 1000) }, func(t *testing.T, s *scene) {
		s.wantCounted()
		if web := s.Service("accesslog/http"); web.State != tend.StateBackoff {
			t.Errorf("it is %v", web.State)
		}
	})
}

// TestARequestUnderWayGetsItsTime, while nobody can connect any more.
func TestARequestUnderWayGetsItsTime(t *testing.T) {
	play(t, nil, func(t *testing.T, s *scene) {
		_ = s.Root.Suspend(s.Service("accesslog/store").Token) // so that who asks for the counts waits
		s.Sleep(0)
		answer := s.web.get(t, "/counts")
		s.Sleep(100 * time.Millisecond)
		begin := time.Now()
		_ = s.Stop()
		if got := <-answer; got != http.StatusServiceUnavailable {
			t.Errorf("the answer is %d", got)
		}
		if took := time.Since(begin); took < 900*time.Millisecond || took > 2*time.Second || s.web.open != 0 {
			t.Errorf("it took %v, and %d listeners are open", took, s.web.open)
		}
	})
}

// TestTheStopIsOrdered: the web ends first, then the pipeline from its end to its beginning,
// then the store.
func TestTheStopIsOrdered(t *testing.T) {
	play(t, nil, func(t *testing.T, s *scene) {
		s.Tape.Lines()
		_ = s.Stop()
		s.Tape.WantAmong(
			"* accesslog supervisor stopping",
			"* accesslog/http service ended cause=ErrStopped",
			"* accesslog/pipeline supervisor stopping",
			"* accesslog/pipeline/aggregator service ended",
			"* accesslog/pipeline/parsers service ended",
			"* accesslog/pipeline/reader service ended",
			"* accesslog/pipeline supervisor stopped",
			"* accesslog/store service ended",
			"* accesslog supervisor stopped",
		)
	})
}

// TestTheStopIsBounded: whatever hangs, it takes no more than ten seconds, and tells what hangs.
func TestTheStopIsBounded(t *testing.T) {
	play(t, nil, func(t *testing.T, s *scene) {
		s.Hang("accesslog/http")
		s.Hang("**/aggregator")
		s.Hang("accesslog/store")
		begin := time.Now()
		_ = s.Stop()
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		if left := s.Root.UnstoppedServices(); len(left) != 3 {
			t.Errorf("on the books are %v", left)
		}
	})
}

// TestAStormCostsNoLine, whatever it does to the tree while it is counting.
func TestAStormCostsNoLine(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed+1), func(t *testing.T) {
			play(t, nil, func(t *testing.T, s *scene) {
				s.Storm(tendtest.Storm{Seed: seed + 1, Acts: 200, Pause: 20 * time.Millisecond})
				s.wantCounted()
			})
		})
	}
}

// TestServicesKeepTheLaws of services.
func TestServicesKeepTheLaws(t *testing.T) {
	quiet(t)
	files := fstest.MapFS{"log": {Data: []byte("?\n")}}
	for name, make := range map[string]func() tend.Service{
		"store":      func() tend.Service { return newStore() },
		"parser":     func() tend.Service { return &parser{parse, newQueue[line](1, 1), newQueue[result](1, 1)} },
		"aggregator": func() tend.Service { return &aggregator{newQueue[result](1, 1), newStore()} },
		"reader": func() tend.Service {
			return &reader{log: source{files, "log"}, follow: true, store: newStore(), lines: newQueue[line](1, 1)}
		},
	} {
		t.Run(name, func(t *testing.T) { tendtest.TestService(t, make) })
	}
}

// wire is a network in memory: who connects is taken by the listener that is open.
type wire struct {
	conns chan net.Conn
	mu    sync.Mutex
	open  int
}

func newWire() *wire { return &wire{conns: make(chan net.Conn)} }

func (w *wire) listen(context.Context) (net.Listener, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open++
	return &plug{wire: w, closed: make(chan bool)}, nil
}

// get asks for a path; the channel gets the code of the answer.
func (w *wire) get(t *testing.T, path string) <-chan int {
	t.Helper()
	near, far := net.Pipe()
	w.conns <- far
	answer := make(chan int, 1)
	go func() {
		defer near.Close()
		fmt.Fprintf(near, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path)
		r, err := http.ReadResponse(bufio.NewReader(near), nil)
		if err != nil {
			answer <- 0
			return
		}
		r.Body.Close()
		answer <- r.StatusCode
	}()
	return answer
}

// plug is a listener of a wire.
type plug struct {
	wire   *wire
	closed chan bool
	once   sync.Once
}

func (p *plug) Accept() (net.Conn, error) {
	select {
	case c := <-p.wire.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *plug) Close() error {
	p.once.Do(func() {
		close(p.closed)
		p.wire.mu.Lock()
		defer p.wire.mu.Unlock()
		p.wire.open--
	})
	return nil
}

func (p *plug) Addr() net.Addr { return &net.TCPAddr{} }
