package observe

import (
	"context"
	"math/rand/v2"
	"net/http"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tend-go/tend"
)

const profile = `goroutine profile: total 7
3 @ 0x47b8ee 0x415d2a 0x4159b2
# labels: {"service":"db#17", "supervisor":"root/a, \"b\": c"}
#	0x415d29	main.wait+0x29	/src/main.go:30
#	0x4159b1	main.(*pool[...]).serve+0x11	/src/a b/pool.go:9

2 @ 0x47b8ee
# labels: {"service":"web#170"}
#	0x415d29	main.other+0x29	/src/main.go:50

1 @ 0x47b8ef
# labels: {"service":"odd \"#17\", \"service\":\"x#4", "z":"\u202e"}
#	0x415d29	main.odd+0x29	/src/main.go:60

1 @ 0x47b8f0
#	0x415d29	main.main+0x29		/src/main.go:70

1 @ 0x47b8f1
# labels: {"service":"db#17"}
#	0x415d29	main.read+0x29		/src/main.go:80
`

func TestDumpFilter(t *testing.T) {
	for id, want := range map[string]string{
		"17": "3 goroutines:\nmain.wait\n    /src/main.go:30\nmain.(*pool[...]).serve\n    /src/a b/pool.go:9\n\n1 goroutine:\nmain.read\n    /src/main.go:80\n",
		"4":  "1 goroutine:\nmain.odd\n    /src/main.go:60\n",
		"7":  "No goroutine carries the label of this service: it does not run, or Spec.NoLabels is set.\n",
	} {
		for range 20 { // however it is cut into pieces
			f := &dumpFilter{id: id}
			for rest := profile; rest != ""; {
				n := min(len(rest), 1+rand.IntN(60))
				if k, err := f.Write([]byte(rest[:n])); k != n || err != nil {
					t.Fatalf("Write: %d, %v", k, err)
				}
				rest = rest[n:]
			}
			if d := cmp.Diff(want, string(f.text())); d != "" {
				t.Fatalf("%s: %s", id, d)
			}
		}
	}
}

func TestDumpIsBounded(t *testing.T) {
	f := &dumpFilter{id: "17"}
	for range 10_000 {
		_, _ = f.Write([]byte(profile[strings.Index(profile, "3 @"):]))
	}
	text := string(f.text())
	if len(text) > maxDump+1000 || !strings.HasSuffix(text, "more stacks\n") {
		t.Errorf("%d bytes ending with %q", len(text), text[len(text)-40:])
	}
}

func FuzzLabels(f *testing.F) {
	f.Add("db", "root")
	f.Add(`"`, "\\\x00\xff, \"service\":\"x\"}")
	f.Fuzz(func(t *testing.T, service, supervisor string) {
		ctx := pprof.WithLabels(t.Context(), pprof.Labels("service", service, "supervisor", supervisor))
		var text strings.Builder
		pprof.Do(ctx, pprof.Labels(), func(context.Context) {
			_ = pprof.Lookup("goroutine").WriteTo(&text, 1)
		})
		found := false // there may be goroutines of other tests too
		for line := range strings.Lines(text.String()) {
			if labels, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "# labels: "); ok && strings.Contains(labels, `"supervisor"`) {
				found = found || labelValue(labels, "service") == service && labelValue(labels, "supervisor") == supervisor
			}
		}
		if !found {
			t.Errorf("%q and %q are not in %s", service, supervisor, text.String())
		}
	})
}

// The goroutines of a service of a real tree, with those that it started itself.
func TestGoroutines(t *testing.T) {
	root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	up := make(chan struct{})
	token := root.Add(tend.Func("works", func(ctx context.Context) error {
		tend.Go(ctx, func(ctx context.Context) error {
			close(up)
			aHelperOfTheService(ctx)
			return nil
		})
		<-ctx.Done()
		return ctx.Err()
	}))
	served := root.ServeBackground(t.Context())
	<-up
	p := newTestPage(t, root, Options{})
	w := request(p, "GET", "/api/node/"+token.String()[1:]+"/goroutines")
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, "aHelperOfTheService\n    ") || strings.Contains(body, "testing.") {
		t.Errorf("%d %s", w.Code, body)
	}
	p.dumping.Lock()
	if w := request(p, "GET", "/api/node/1/goroutines"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("a second dump: %d", w.Code)
	}
	p.dumping.Unlock()
	p.maxGoroutines = 1
	if w := request(p, "GET", "/api/node/1/goroutines"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("with too many goroutines: %d", w.Code)
	}
	root.Stop()
	<-served
}

//go:noinline
func aHelperOfTheService(ctx context.Context) { <-ctx.Done() }
