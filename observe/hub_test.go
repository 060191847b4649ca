package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tend-go/tend"
)

// However many look and however much happens, snapshots keep the pace: a tenth of
// a second apart, and nine times what one takes.
func TestPace(t *testing.T) {
	const streams, requests, pause = 5, 200, 100 * time.Millisecond // who looks, how often, how far apart
	for _, c := range []struct{ takes, gap time.Duration }{
		{0, gapMin},
		{10 * time.Millisecond, gapMin}, // nine times that is less
		{50 * time.Millisecond, 450 * time.Millisecond},
		{time.Second, 9 * time.Second},
	} {
		t.Run(c.takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeTree(supervisor("root", "a").Status())
				f.takes = c.takes
				p := newTestPage(t, f, Options{})
				l, stop := serveOn(p, 0)
				defer stop()
				for range streams {
					r := openStream(t, l, "")
					go r.all()
				}
				for range requests {
					f.events <- started("x")
					go request(p, "GET", "/api/view")
					time.Sleep(pause)
				}
				p.Close()
				time.Sleep(time.Minute)
				asked := f.snapshots()
				for i := 1; i < len(asked); i++ {
					if gap := asked[i].Sub(asked[i-1]); gap < c.gap {
						t.Errorf("snapshot %d came %v after the one before, want at least %v", i, gap, c.gap)
					}
				}
				if n := len(asked); n < int(requests*pause/(c.gap+c.takes))-2 { // the first and the last may be missing
					t.Errorf("only %d snapshots", n)
				}
			})
		})
	}
}

// What has no event, such as a new annotation, is seen within two seconds; and
// nothing is asked while nobody looks.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTree(supervisor("root", "a").Status())
		p := newTestPage(t, f, Options{})
		l, stop := serveOn(p, 0)
		defer stop()
		f.events <- started("x")
		time.Sleep(time.Hour)
		if n := len(f.snapshots()); n != 0 {
			t.Errorf("%d snapshots while nobody looks", n)
		}
		r := openStream(t, l, "")
		begun := time.Now()
		time.Sleep(time.Second)
		f.set(func(s *tend.Status) { s.Services[0].State = tend.StateStopping }) // without an event
		m, _ := r.next()
		if c := m.change(t); len(c.Rows) != 2 || m.at.Sub(begun) != stale {
			t.Errorf("%d rows after %v, want 2 (a and the sum of root) after %v", len(c.Rows), m.at.Sub(begun), stale)
		}
		r.conn.Close()
		time.Sleep(time.Minute)
		f.events <- started("y")
		n := len(f.snapshots())
		time.Sleep(time.Hour)
		if len(f.snapshots()) != n {
			t.Error("snapshots although nobody looks any more")
		}
		p.Close()
	})
}

// The events of a page and those of the frames after it are all events, once.
func TestEventsAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTree(supervisor("root", "a").Status())
		const kept, flood = 300, 1000 // kept is more than a frame holds, flood more than is kept
		p := newTestPage(t, f, Options{Events: kept})
		l, stop := serveOn(p, 0)
		defer stop()
		emit := func(from, to int) {
			for i := from; i < to; i++ {
				f.events <- started(fmt.Sprint(i))
			}
			synctest.Wait()
		}
		emit(0, 10)
		request(p, "GET", "/")
		emit(10, 20) // too soon for another snapshot
		v := embedded(t, request(p, "GET", "/").Body.String())
		r := openStream(t, l, v.Seq)
		emit(20, 25)
		m, _ := r.next()
		c := m.change(t)
		var got []string
		for _, e := range append(c.Events, v.Events...) {
			got = append(got, e.Name)
		}
		var want []string
		for i := 24; i >= 0; i-- {
			want = append(want, fmt.Sprint(i))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}

		emit(100, 100+flood)
		m, _ = r.next()
		c = m.change(t)
		if n := len(c.Events); n != maxEntries || c.Missed != flood-maxEntries || c.Events[0].Name != "1099" {
			t.Errorf("%d events from %s, %d missed", n, c.Events[0].Name, c.Missed)
		}
		p.Close()
	})
}

// A ring for three entries, by turns about the supervisor p (id 0) and service 1,
// with none to several more than it holds.
func TestJournal(t *testing.T) {
	const room, plenty = 3, 10 // plenty: more than there are
	for added := range 8 {
		j := newJournal(room)
		for i := range added {
			j.add(entry{ID: uint64(i % 2), Path: "p", Text: fmt.Sprint(i), Stacks: "s"})
		}
		var all []string
		for e := range j.newest() {
			all = append(all, e.Text)
		}
		var want []string
		for i := added - 1; i >= max(0, added-room); i-- {
			want = append(want, fmt.Sprint(i))
		}
		if d := cmp.Diff(want, all); d != "" {
			t.Errorf("after %d: %s", added, d)
		}
		lines := j.lines(1, 1)
		if added > 1 && (len(lines) != 1 || lines[0].Text != fmt.Sprint(added-2) || lines[0].Stacks != "") {
			t.Errorf("after %d: the second is %+v", added, lines)
		}
		for _, e := range j.about(1, "x", plenty) {
			if e.ID != 1 || e.Stacks == "" {
				t.Errorf("about 1: %+v", e)
			}
		}
		if got := len(j.about(5, "p", plenty)); got != (min(added, room)+added%2)/2 && added < room {
			t.Errorf("after %d: %d about the supervisor", added, got)
		}
	}
}

// Failures are counted by service and minute, for an hour. show writes the sums
// of some services in the hour that ends with a minute as "minute:failures".
func TestTally(t *testing.T) {
	base := time.Unix(1_000_000*60, 0)
	at := func(minute int) time.Time { return base.Add(time.Duration(minute) * time.Minute) }
	tl := newTally()
	for _, f := range []struct {
		id     uint64
		minute int
	}{{1, 0}, {1, 0}, {1, 5}, {2, 5}, {2, 59}, {1, 4}, {3, -3}} { // {1, 4}: the clock stepped back
		tl.add(f.id, at(f.minute))
	}
	show := func(minute int, ids ...uint64) string {
		var s strings.Builder
		for i, n := range tl.sum(ids, at(minute)) {
			if n > 0 {
				s.WriteString(fmt.Sprintf("%d:%d ", i-(tallyMinutes-1)+minute, n))
			}
		}
		return s.String()
	}
	for _, c := range []struct {
		minute int
		ids    []uint64
		want   string
	}{
		{5, []uint64{1}, "0:2 4:1 5:1 "},
		{5, []uint64{1, 2, 3, 4}, "-3:1 0:2 4:1 5:2 "},
		{59, []uint64{1, 2}, "0:2 4:1 5:2 59:1 "},
		{60, []uint64{1, 2}, "4:1 5:2 59:1 "},
		{64, []uint64{1, 2}, "5:2 59:1 "},
		{200, []uint64{1, 2, 3}, ""},
		{5, nil, ""},
	} {
		if got := show(c.minute, c.ids...); got != c.want {
			t.Errorf("minute %d, %v: %q, want %q", c.minute, c.ids, got, c.want)
		}
	}
	tl.add(1, at(300))
	if got := show(300, 1); got != "300:1 " {
		t.Errorf("after hours: %q", got)
	}
	tl.add(1, at(100)) // the clock stepped back by hours
	if got := show(300, 1); got != "300:1 " {
		t.Errorf("after a step back: %q", got)
	}
	for id := range uint64(2 * maxTallied) {
		tl.add(1000+id, at(400)) // ids that are not used above
	}
	if len(tl.services) != maxTallied {
		t.Errorf("%d services are counted, want %d", len(tl.services), maxTallied)
	}
	tl.add(1, at(1000))
	if len(tl.services) != 1 {
		t.Errorf("%d services are counted after hours, want 1", len(tl.services))
	}
}

// A real tree: what failed, why and how often is told of a service, and of the
// supervisors above it.
func TestNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}, FailureThreshold: 100})
		db := tend.New("db", tend.Spec{FailureThreshold: 100, Ordered: true})
		pool := db.Add(tend.Child{Service: failing("pool"), Backoff: tend.Backoff{Min: time.Minute}, Limit: tend.Limit{N: 3, Within: time.Hour}})
		token := root.Add(db)
		p := newTestPage(t, root, Options{})
		served := root.ServeBackground(t.Context())
		time.Sleep(2 * time.Minute)

		get := func(id uint64) (n struct {
			Path       string
			Service    *tend.ServiceStatus
			Supervisor *tend.Status
			NotReady   string `json:"not_ready"`
			Minutes    []int
			Events     []struct{ K tend.Kind }
			Page       pane
		},
		) {
			w := request(p, "GET", fmt.Sprintf("/api/node/%d", id))
			if err := json.Unmarshal(w.Body.Bytes(), &n); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			return n
		}
		n := get(pool.ID())
		if n.Path != "root/db/pool" || n.Service.State != tend.StateBackoff || n.Supervisor != nil || n.Events[0].K != (tend.ServiceFailed{}).Kind() {
			t.Errorf("pool: %+v", n)
		}
		if s := root.Status().Services[0].Supervisor.Services[0]; cmp.Diff(s, *n.Service) != "" {
			t.Errorf("pool: -want +got\n%s", cmp.Diff(s, *n.Service))
		}
		texts := n.Page.texts()
		want := map[string]string{
			"State": "backoff for", "Next start": "in", "Waits for": "its delay", "Restart": "permanent",
			"Runs": "2", "Failures": "2", "Budget": "2 of 3 failures in 1h",
		}
		if d := cmp.Diff(want, texts); d != "" {
			t.Error(d)
		}
		if q := n.Page.Texts; len(q) != 2 || q[0].Label != "run 2: panic: no disk" || !q[0].Open || q[1].Open || !strings.Contains(q[0].Stack, "hub_test.go") {
			t.Errorf("texts %+v", q)
		}
		for name, id := range map[string]uint64{"pool": pool.ID(), "db": token.ID(), "root": 0} {
			n, sum := get(id), 0
			for _, k := range n.Minutes {
				sum += k
			}
			if sum != 2 || n.Page.Plot == "" {
				t.Errorf("%s: %d failures in the last hour, want 2", name, sum)
			}
			if name != "pool" && (n.Supervisor.Name != name || n.Supervisor.Services == nil || len(n.Supervisor.Services) > 0) {
				t.Errorf("%s: supervisor %+v", name, n.Supervisor)
			}
			why := ""
			if name == "db" { // what is below that is not the root's matter
				why = root.Status().Services[0].Supervisor.Ready().Error()
			}
			if got := n.Page.texts()["Not ready"]; got != why || n.NotReady != why {
				t.Errorf("%s: not ready: %q, %q, want %q", name, n.NotReady, got, why)
			}
		}
		for path, want := range map[string]int{"/api/node/99999999": 404, "/api/node/x": 400, "/api/node/-1": 400, "/api/node/": 404} {
			if w := request(p, "GET", path); w.Code != want {
				t.Errorf("%s: %d, want %d", path, w.Code, want)
			}
		}
		root.Stop()
		<-served
		p.Close()
	})
}

// The root is nobody's service, so its own pane says why it is being stopped.
func TestPaneOfARootThatStops(t *testing.T) {
	f := newFakeTree(supervisor("root", "a").Status())
	f.status.Serving, f.status.Stopping = true, tend.Reason{Err: tend.ErrStopped, Text: tend.ErrStopped.Error()}
	p := newTestPage(t, f, Options{})
	var n struct{ Page pane }
	if err := json.Unmarshal(request(p, "GET", "/api/node/0").Body.Bytes(), &n); err != nil {
		t.Fatal(err)
	}
	texts := n.Page.texts()
	if got := texts["Stopping"]; got != because(f.status.Stopping) {
		t.Errorf("stopping: %q", got)
	}
	if got, want := texts["Not ready"], f.status.Ready().Error(); got != want {
		t.Errorf("not ready: %q, want %q", got, want)
	}
}

// The pane of an actor says how its messages do.
func TestPaneOfAnActor(t *testing.T) {
	at := time.Unix(1_000_000, 0)
	for _, test := range []struct {
		box  tend.Mailbox
		want []fact
	}{
		{tend.Mailbox{Size: 8, Open: 1, Lost: 7}, []fact{{Label: "Mailbox", Text: "0 of 8 wait, 1 open question, 7 lost"}}},
		{tend.Mailbox{Size: 8, Waiting: 2, Oldest: at, Handling: at.Add(-time.Second)}, []fact{
			{Label: "Mailbox", Text: "2 of 8 wait, 0 open questions, 0 lost"},
			{Label: "Oldest message", Text: "waits for", Since: 1e9},
			{Label: "Message in hand", Text: "for", Since: 1e9 - 1000},
		}},
	} {
		var p pane
		p.annotations(&tend.ServiceStatus{Mailbox: &test.box})
		if !slices.Equal(p.Facts, test.want) {
			t.Errorf("%+v", p.Facts)
		}
	}
}

// A time that was noted is drawn as its age, or as how long it is until then.
func TestPaneOfANotedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		var p pane
		p.annotations(&tend.ServiceStatus{Annotations: []slog.Attr{
			slog.Time("renewed", now), slog.Time("until", now.Add(time.Second)), slog.Int("token", 57),
		}})
		if want := []fact{
			{Label: "renewed", Since: now.UnixMilli()}, {Label: "until", Until: now.UnixMilli() + 1000}, {Label: "token", Text: "57"},
		}; !slices.Equal(p.Facts, want) {
			t.Errorf("%+v", p.Facts)
		}
	})
}

// texts are the facts of a pane by their labels.
func (p *pane) texts() map[string]string {
	texts := map[string]string{}
	for _, f := range p.Facts {
		texts[f.Label] = f.Text
	}
	return texts
}

func failing(name string) tend.Service {
	return tend.Func(name, func(ctx context.Context) error {
		select {
		case <-time.After(10 * time.Second):
			panic(errors.New("no disk"))
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}
