package observe

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
)

// Whoever comes while a rendering is made gets that one, and it is made of one
// snapshot; and there is no second one at the same time, of another kind or with a
// service that somebody wants.
func TestOneRenderingServesAllWhoAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTree(large(maxView))
		wanted := f.status.Services[3].Supervisor.Services[7].Token
		p := newTestPage(t, f, Options{})
		made, now, most := 0, 0, 0
		for _, k := range []*kind{p.kinds.tree, p.kinds.text, p.kinds.page} {
			k.write = func(w io.Writer, o *opening) error {
				made++
				now++
				most = max(most, now)
				time.Sleep(3 * time.Second)
				now--
				_, err := fmt.Fprint(w, "wanted ", o.wanted)
				return err
			}
		}
		var all sync.WaitGroup
		begun := time.Now()
		for i := range 90 {
			all.Go(func() {
				time.Sleep(time.Duration(i/3) * 100 * time.Millisecond)
				target := []string{"/api/tree", "/api/tree?format=text", "/?id=18446744073709551615"}[i%3] // the last is the id of nobody
				if w := request(p, "GET", target); w.Code != 200 || w.Body.String() != "wanted 0" {
					t.Errorf("%s: %d %q", target, w.Code, w.Body)
				}
			})
		}
		all.Go(func() {
			want := fmt.Sprint("wanted ", wanted.ID())
			if w := request(p, "GET", "/?id="+wanted.String()[1:]); w.Body.String() != want {
				t.Errorf("%d %q, want %q", w.Code, w.Body, want)
			}
		})
		all.Wait()
		if took := time.Since(begun); made != 4 || most != 1 || took != 12*time.Second {
			t.Errorf("%d renderings were made, %d at once, in %v; want 4, 1, 12s", made, most, took)
		}
	})
}

// What is asked for again before there is anything newer is not made again.
func TestARenderingIsMadeOncePerSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPage(t, newFakeTree(supervisor("root", "a").Status()), Options{})
		made, write := 0, p.kinds.dot.write
		p.kinds.dot.write = func(w io.Writer, o *opening) error {
			made++
			return write(w, o)
		}
		for range 10 { // within a second
			request(p, "GET", "/api/tree.dot")
			request(p, "GET", "/api/tree.dot")
			time.Sleep(gapMin / 2)
		}
		if n := len(p.tree.(*fakeTree).snapshots()); made != n || n != 5 {
			t.Errorf("%d renderings of %d snapshots, want 5", made, n)
		}
	})
}

// An answer that could not be made is a 503, and the next one may be better.
func TestARenderingThatFails(t *testing.T) {
	p := newTestPage(t, newFakeTree(supervisor("root", "a").Status()), Options{})
	write := p.kinds.tree.write
	p.kinds.tree.write = func(io.Writer, *opening) error { return io.ErrShortWrite }
	if w := request(p, "GET", "/api/tree"); w.Code != 503 || w.Body.String() != "observe: short write\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	p.kinds.tree.write = write
	if w := request(p, "GET", "/api/tree"); w.Code != 200 {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

// A rendering is the same with and without gzip, and says how long it is.
func TestARenderingIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPage(t, newFakeTree(large(1000)), Options{})
		for _, target := range []string{"/", "/api/view", "/api/tree", "/api/tree?format=text", "/api/tree.dot"} {
			plain, packed := request(p, "GET", target), request(p, "GET", target, "Accept-Encoding", "gzip")
			for _, w := range []interface{ Result() *http.Response }{plain, packed} {
				r := w.Result()
				if body, _ := io.ReadAll(r.Body); r.ContentLength != int64(len(body)) {
					t.Errorf("%s: %d bytes, said to be %d", target, len(body), r.ContentLength)
				}
			}
			z, err := gzip.NewReader(packed.Body)
			if err != nil {
				t.Fatal(err)
			}
			if unpacked, err := io.ReadAll(z); err != nil || !bytes.Equal(unpacked, plain.Body.Bytes()) {
				t.Errorf("%s: %d bytes with gzip and %d without, %v", target, len(unpacked), plain.Body.Len(), err)
			}
		}
	})
}

// What is written service by service is what encoding/json makes of the whole.
func TestWriteStatus(t *testing.T) {
	nothing := tend.New("root", tend.Spec{}).Status()
	deep := supervisor("<root>", "a", "b/", "c/", "d", ".", "e/", ".", ".", "f").Status()
	deep.Services[0].Failures = []tend.Failure{{Err: tend.Reason{Text: "a \"b\"]}"}}}
	idle, idleBelow := supervisor("root", "a").Status(), supervisor("root", "g").Status()
	idle.Idle, idleBelow.Services[0].Supervisor = 5, &idle
	for _, s := range []tend.Status{nothing, deep, large(300), idle, idleBelow} {
		var got bytes.Buffer
		if err := writeStatus(&got, &s); err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want)+"\n" {
			t.Errorf("got %s, want %s", got.String(), want)
		}
	}
}

// A reader that does not read is left after the time for a piece, and one that reads
// ever so slowly after that for an answer.
func TestASlowReaderIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		target string
		pause  time.Duration // between two reads
		want   time.Duration
	}{
		"none of a rendering":    {"/api/tree", time.Hour, writeTimeout},
		"none of another answer": {"/api/view?under=0", time.Hour, writeTimeout},
		"a rendering bit by bit": {"/api/tree", time.Second / 5, answerTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newTestPage(t, newFakeTree(large(10_000)), Options{})
				ended := make(chan time.Duration, 1)
				l, stop := serveOn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					begun := time.Now()
					p.ServeHTTP(w, r)
					ended <- time.Since(begun)
				}), 0)
				defer stop()
				conn := l.dial()
				go fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", c.target)
				left := make(chan struct{})
				go func() {
					for b := make([]byte, 1<<10); ; {
						if _, err := io.ReadFull(conn, b); err != nil {
							return
						}
						select {
						case <-time.After(c.pause):
						case <-left:
							return
						}
					}
				}()
				if took := <-ended; took != c.want {
					t.Errorf("it was left after %v, want %v", took, c.want)
				}
				close(left)
				_ = conn.Close()
			})
		})
	}
}
