package observe

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tend-go/tend"
)

// started makes up an event of a service.
func started(name string) tend.Event {
	return tend.ServiceStarted{Origin: tend.Origin{Time: time.Now(), Supervisor: "root", Service: name}, Restarts: 1}
}

// Each write has a deadline of its own; a reader that is gone is dropped within
// that and holds nobody up; silence is broken every 15 seconds.
func TestAStreamOutlivesWriteTimeout(t *testing.T) {
	t.Run("180 events in 9 seconds at a WriteTimeout of 5", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeTree(supervisor("root", "a").Status())
			p := newTestPage(t, f, Options{})
			l, stop := serveOn(p, 5*time.Second)
			defer stop()
			r := openStream(t, l, "")
			go func() {
				for i := range 180 {
					f.events <- started(fmt.Sprint(i))
					time.Sleep(50 * time.Millisecond)
				}
				time.Sleep(time.Second)
				p.Close()
			}()
			begun, got := time.Now(), 0
			for m, ok := r.next(); ok; m, ok = r.next() {
				got += len(m.change(t).Events)
			}
			if took := time.Since(begun); got != 180 || took != 10*time.Second {
				t.Errorf("got %d events in %v, want 180 in 10s", got, took)
			}
		})
	})
	t.Run("a reader that is gone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeTree(supervisor("root", "a").Status())
			p := newTestPage(t, f, Options{})
			l, stop := serveOn(p, 0)
			defer stop()
			dead, alive := openStream(t, l, ""), openStream(t, l, "")
			defer dead.conn.Close()
			_, _ = dead.body.ReadString('\n') // what comes after this nobody reads
			_, _ = dead.body.ReadString('\n')
			time.Sleep(time.Second)
			sent := time.Now()
			f.events <- started("x")
			if m, ok := alive.next(); !ok || m.at.Sub(sent) > gapMin {
				t.Errorf("the other reader got its event after %v", m.at.Sub(sent))
			}
			time.Sleep(writeTimeout - time.Nanosecond)
			if n := p.streams.count(); n != 2 {
				t.Errorf("%d streams before the deadline, want 2", n)
			}
			time.Sleep(gapMin + time.Nanosecond)
			if n := p.streams.count(); n != 1 {
				t.Errorf("%d streams after the deadline, want 1", n)
			}
			p.Close()
			alive.all()
		})
	})
	t.Run("silence", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := newTestPage(t, newFakeTree(supervisor("root", "a").Status()), Options{})
			l, stop := serveOn(p, 0)
			defer stop()
			r := openStream(t, l, "")
			begun := time.Now()
			go func() {
				time.Sleep(61 * time.Second)
				p.Close()
			}()
			var at []time.Duration
			for _, m := range r.all() {
				if m.kind != "ka" || m.comments != 1 {
					t.Errorf("message %+v, want a sign of life with a comment", m)
				}
				at = append(at, m.at.Sub(begun))
			}
			want := []time.Duration{15 * time.Second, 30 * time.Second, 45 * time.Second, time.Minute}
			if d := cmp.Diff(want, at); d != "" {
				t.Error(d)
			}
		})
	})
}

// Who was away too long or knew another process starts anew.
func TestAReaderThatWasAwayGetsWhatItMissed(t *testing.T) {
	t.Run("replay", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeTree(supervisor("root", "a").Status())
			p := newTestPage(t, f, Options{})
			l, stop := serveOn(p, 0)
			defer stop()
			all, first := openStream(t, l, ""), openStream(t, l, "")
			go func() {
				for i := range 50 {
					time.Sleep(time.Second)
					f.events <- started(fmt.Sprint(i))
				}
				time.Sleep(time.Second)
				p.Close()
			}()
			got := make(chan []message)
			go func() { got <- all.all() }()
			var pieces []message
			for range 10 {
				m, _ := first.next()
				pieces = append(pieces, m)
			}
			first.conn.Close()
			time.Sleep(20 * time.Second)
			second := openStream(t, l, pieces[9].id)
			pieces = append(pieces, second.all()...)
			whole := func(ms []message) (s []string) {
				for _, m := range ms {
					s = append(s, m.kind+" "+m.id+" "+m.data)
				}
				return slices.DeleteFunc(s, func(s string) bool { return strings.HasPrefix(s, "ka") })
			}
			if d := cmp.Diff(whole(<-got), whole(pieces)); d != "" || len(pieces) < 50 {
				t.Errorf("%d messages; one without a break against one with:\n%s", len(pieces), d)
			}
		})
	})
	t.Run("too slow", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeTree(large(2000))
			p := newTestPage(t, f, Options{})
			l, stop := serveOn(p, 0)
			defer stop()
			slow, quick := openStream(t, l, ""), openStream(t, l, "")
			quicks := make(chan []message)
			go func() { quicks <- quick.all() }()
			for i := range 30 { // frames of 200 kB
				f.set(func(s *tend.Status) {
					for g := range s.Services {
						for k := range s.Services[g].Supervisor.Services {
							s.Services[g].Supervisor.Services[k].Restarts = uint64(i + 10)
						}
					}
				})
				f.events <- started("x")
				time.Sleep(gapMin)
			}
			slows := slow.all()
			if n := len(slows); n < 2 || slows[n-1].kind != "reset" {
				t.Errorf("the slow one got %d messages, want a reset at the end", n)
			}
			p.Close()
			if n := len(<-quicks); n < 25 {
				t.Errorf("the quick one got %d messages, want some 30", n)
			}
		})
	})
	t.Run("ids that lead nowhere", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := newTestPage(t, newFakeTree(supervisor("root", "a").Status()), Options{})
			l, stop := serveOn(p, 0)
			defer stop()
			for _, id := range []string{p.hub.epoch + ".1", "another.0", "17", "x.y", p.hub.epoch + "."} {
				ms := openStream(t, l, id).all()
				if len(ms) != 1 || ms[0].kind != "reset" {
					t.Errorf("id %q: %+v, want a reset and the end", id, ms)
				}
			}
		})
	})
	t.Run("more changed than fits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeTree(large(maxRows + 1))
			p := newTestPage(t, f, Options{})
			l, stop := serveOn(p, 0)
			defer stop()
			r := openStream(t, l, "")
			synctest.Wait()
			f.set(func(s *tend.Status) {
				for g := range s.Services {
					for i := range s.Services[g].Supervisor.Services {
						s.Services[g].Supervisor.Services[i].State = tend.StateStopping
					}
				}
			})
			f.events <- started("x")
			if ms := r.all(); len(ms) != 1 || ms[0].kind != "reset" {
				t.Errorf("%d messages, want a reset and the end", len(ms))
			}
		})
	})
}

// plainWriter is what a middleware makes of a writer that does not know of Flush.
type plainWriter struct{ w http.ResponseWriter }

func (p plainWriter) Header() http.Header         { return p.w.Header() }
func (p plainWriter) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p plainWriter) WriteHeader(code int)        { p.w.WriteHeader(code) }

// wrapper says what it wraps.
type wrapper struct{ plainWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.w }

// Behind a middleware without Flush a reader is told so, and gets what there is each
// time that it comes.
func TestStreamWithoutFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTree(supervisor("root", "a").Status())
		p := newTestPage(t, f, Options{})
		plain := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.ServeHTTP(wrapper{plainWriter{plainWriter{w}}}, r) })
		o, err := p.hub.opening(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		const head = "retry: 2000\n\nevent: polled\ndata: {}\n\n"
		if w := request(plain, "GET", "/api/events?since="+o.id); w.Body.String() != head {
			t.Errorf("got %q, want %q", w.Body, head)
		}
		time.Sleep(time.Minute)
		f.events <- started("x")
		synctest.Wait()
		w := request(plain, "GET", "/api/events?since="+o.id)
		if body := w.Body.String(); !strings.HasPrefix(body, head+"id: ") || strings.Count(body, "\n\n") != 3 {
			t.Errorf("got %q", body)
		}
		p.Close()
	})
	if !canFlush(wrapper{plainWriter{httptest.NewRecorder()}}) || canFlush(plainWriter{httptest.NewRecorder()}) {
		t.Error("what a writer says that it wraps counts")
	}
}

// Of more streams than there may be the oldest goes, and is told to come again, so
// that those who never read keep nobody out.
func TestTheOldestStreamGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTree(supervisor("root", "a").Status())
		p := newTestPage(t, f, Options{})
		l, stop := serveOn(p, 0)
		defer stop()
		var deaf []*reader
		for range maxStreams {
			deaf = append(deaf, openStream(t, l, ""))
			synctest.Wait()
		}
		first, second := openStream(t, l, ""), openStream(t, l, "")
		for i, r := range deaf[:2] {
			if ms := r.all(); len(ms) != 1 || ms[0].kind != "polled" {
				t.Errorf("reader %d was told %+v, want to come again", i, ms)
			}
		}
		synctest.Wait()
		if n := p.streams.count(); n != maxStreams {
			t.Errorf("%d streams, want %d", n, maxStreams)
		}
		f.events <- started("x")
		for _, r := range []*reader{first, second, deaf[2]} {
			if m, ok := r.next(); !ok || len(m.change(t).Events) != 1 {
				t.Errorf("a reader got %+v", m)
			}
		}
		for _, r := range deaf[2:] {
			_ = r.conn.Close()
		}
		p.Close()
		first.all()
		second.all()
		synctest.Wait()
		if n := p.streams.count(); n != 0 {
			t.Errorf("%d streams after the end", n)
		}
	})
}

// To ask what there would be opens no stream.
func TestHeadOfAStream(t *testing.T) {
	p := newTestPage(t, newFakeTree(supervisor("root").Status()), Options{})
	if w := request(p, "HEAD", "/api/events"); w.Code != http.StatusOK || p.streams.count() != 0 {
		t.Errorf("status %d, %d streams", w.Code, p.streams.count())
	}
}

// One stream that is told everything: rows and frames together always make the
// tree as it is.
func TestFramesAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", tend.Spec{FailureThreshold: 1000, EventHook: func(tend.Event) {}, Timeout: time.Second})
		served := root.ServeBackground(t.Context())
		p := newTestPage(t, root, Options{})
		l, stop := serveOn(p, 0)
		defer stop()
		o, err := p.hub.opening(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r := openStream(t, l, o.id)
		go churn(root)
		go func() {
			time.Sleep(time.Minute)
			p.Close()
		}()
		model := newModel(o.view.rows)
		frames := 0
		for _, m := range r.all() {
			if m.kind == "" {
				frames++
				model.apply(m.change(t))
			}
		}
		if d := cmp.Diff(p.hub.view.rows, model.rows(), cmp.Comparer(func(a, b branch) bool { return a == b || a.Services == b.Services && a.States == b.States })); d != "" || frames < 50 {
			t.Errorf("after %d frames: %s", frames, d)
		}
		root.Stop()
		<-served
	})
}

// churn adds, fails and removes services for almost a minute.
func churn(root *tend.Supervisor) {
	var tokens []tend.ServiceToken
	for i := range 140 {
		switch i % 7 {
		case 0:
			tokens = append(tokens, root.Add(supervisor(fmt.Sprintf("group-%d", i), "a", "b/", "c", ".", "d")))
		case 1, 2, 3:
			tokens = append(tokens, root.Add(idle(fmt.Sprintf("idle-%d", i))))
		case 4:
			_ = root.Restart(tokens[i*5%len(tokens)], fmt.Errorf("failure %d", i))
		case 5:
			_ = root.Suspend(tokens[i*3%len(tokens)])
		case 6:
			_ = root.Remove(tokens[i*2%len(tokens)])
		}
		time.Sleep(400 * time.Millisecond)
	}
}
