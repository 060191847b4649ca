package observe

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
)

// What is asked first on call: which program is this, since when, and how is it.
func TestProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTree(supervisor("root", "a", "b").Status())
		p := newTestPage(t, f, Options{})
		for _, after := range []time.Duration{0, time.Minute, time.Minute} {
			time.Sleep(after)
			for range 3 {
				f.events <- failed(f, 0)
				f.events <- failed(f, 1)
			}
			synctest.Wait()
		}
		var got program
		if err := json.Unmarshal(request(p, "GET", "/api/program").Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		host, _ := os.Hostname()
		if got.Host != host || got.Go != runtime.Version() || got.Module == "" || got.At != time.Now().UnixMilli() || got.Started == 0 {
			t.Errorf("%+v", got)
		}
		if got.Goroutines == 0 || got.Memory < got.Heap || got.Heap == 0 || got.GCShare < 0 || got.GCShare > 1 {
			t.Errorf("measured %+v", got)
		}
		if last := fmt.Sprint(got.Minutes[56:]); len(got.Minutes) != 60 || last != "[0 6 6 6]" || got.Plot == "" {
			t.Errorf("%d failures per minute end with %s", len(got.Minutes), last)
		}
		if first := embedded(t, request(p, "GET", "/").Body.String()).Program; first == nil || first.Host != host {
			t.Errorf("the page begins with %+v", first)
		}
	})
}

func failed(f *fakeTree, i int) tend.Event {
	s := &f.status.Services[i]
	return tend.ServiceFailed{Origin: tend.Origin{Time: time.Now(), Supervisor: "root", Service: s.Name, Token: s.Token}}
}

// A flood of failures does not wash away who did what.
func TestWhoDidWhatIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTree(supervisor("root", "a").Status())
		p := newTestPage(t, f, Options{Events: 10})
		a := act{action: Restart, service: &f.status.Services[0], by: asker{user: "eve", address: "192.0.2.1:1"}}
		p.hub.note(a.entry())
		for range 100 {
			f.events <- failed(f, 0)
		}
		synctest.Wait()
		request(p, "GET", "/api/view") // a snapshot, which takes the events as told
		v := embedded(t, request(p, "GET", "/").Body.String())
		if len(v.Acts) != 1 || v.Acts[0].Text != "by eve, 192.0.2.1:1" {
			t.Errorf("the page knows of the acts %+v", v.Acts)
		}
	})
}

// Nor from those who look while it happens.
func TestWhoDidWhatIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTree(supervisor("root", "a").Status())
		p := newTestPage(t, f, Options{})
		l, stop := serveOn(p, 0)
		defer stop()
		request(p, "GET", "/api/view")
		stream := openStream(t, l, p.hub.id(p.hub.last()))
		synctest.Wait()
		a := act{action: Restart, service: &f.status.Services[0], by: asker{address: "192.0.2.1:1"}}
		p.hub.note(a.entry())
		for range maxEntries {
			f.events <- failed(f, 0)
		}
		synctest.Wait()
		p.hub.note(a.entry())
		var acts, others, missed int
		for acts+others+missed < maxEntries+2 {
			m, ok := stream.next()
			if !ok {
				t.Fatal("the stream has ended")
			}
			c := m.change(t)
			missed += c.Missed
			for _, e := range c.Events {
				if e.Kind == "" {
					acts++
				} else {
					others++
				}
			}
		}
		if acts != 2 || others != maxEntries-1 || missed != 1 {
			t.Errorf("%d acts, %d others, %d missed", acts, others, missed)
		}
		p.Close()
	})
}
