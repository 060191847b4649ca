package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// demo is all that an agent needs: plugins, one of which crashes and one of which
// falls silent, and a server.
type demo struct {
	dir     string
	plugins []plugin
	out     io.Writer
	began   time.Time
	server  http.Server
	url     string

	mu       sync.Mutex
	requests int
	want     map[string][]string // by path, what the reports must still say, in order
	seen     chan struct{}       // closed when they have said it all
}

// hurried is the usual schedule with a second for ten minutes. Heartbeats are as
// usual: a time in whole seconds cannot be hurried.
var hurried = schedule{
	scan: 1500 * time.Millisecond, pull: 500 * time.Millisecond, upgrade: 3 * time.Second, list: 150 * time.Second,
	apart: 100 * time.Millisecond, delay: 50 * time.Millisecond,
	bounds: bounds{
		scan:    limits{time.Second, time.Minute},
		pull:    limits{time.Second, time.Minute},
		upgrade: limits{time.Second, time.Minute},
	},
}

func newDemo(out io.Writer) (*demo, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		return nil, err
	}
	d := &demo{dir: dir, out: out, began: time.Now(), seen: make(chan struct{})}
	d.add(self, "net", "net", "none")
	d.add(self, "disk", "disk", "crash")
	d.add(self, "gauge", "größenmesser "+strings.Repeat("€", 20), "mute") // 15 bytes and 20 times 3: too long
	d.want = map[string][]string{
		scanPath: {"disk=dead", "disk=running", "disk=dead", "disk=running"}, // nothing runs at first
		pullPath: {"größenmesser €€€€€€€€€€€€€€€€=running", "größenmesser €€€€€€€€€€€€€€€€=dead"},
	}
	return d, d.listen()
}

func (d *demo) add(self, id, name, fault string) {
	d.plugins = append(d.plugins, plugin{
		Name: name, Version: "1.0", Path: self, Args: []string{"plugin", d.dir, id, fault},
		Heartbeat: heartbeatFile(d.dir, id), HeartbeatSeconds: 1, StartSeconds: 10,
	})
}

func (d *demo) listen() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.url = "http://" + l.Addr().String()
	d.server.Handler = d
	d.server.ReadHeaderTimeout = 5 * time.Second
	go func() { _ = d.server.Serve(l) }()
	return nil
}

// ServeHTTP takes reports and shows them. It wants changes only, and refuses the
// fifth request.
func (d *demo) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var r report
	if err := json.NewDecoder(req.Body).Decode(&r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !d.take(req.URL.Path, r) {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	_ = json.NewEncoder(w).Encode(directive{ReportType: "lazy", Pull: 1}) // who left asks again
}

// take shows a report and tells whether it is accepted.
func (d *demo) take(path string, r report) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests++
	line := fmt.Sprintf("%5.1fs %-11s", time.Since(d.began).Seconds(), path)
	if d.requests == 5 {
		fmt.Fprintln(d.out, line, "refused")
		return false
	}
	for _, p := range r.Plugins {
		state := p.Name
		if p.Status != "" {
			state += "=" + p.Status
		}
		line += " " + state
		d.saw(path, state)
	}
	fmt.Fprintln(d.out, line)
	return true
}

func (d *demo) saw(path, state string) {
	want := d.want[path]
	if len(want) == 0 || want[0] != state {
		return
	}
	if d.want[path] = want[1:]; len(d.want[path]) > 0 {
		return
	}
	if delete(d.want, path); len(d.want) == 0 {
		close(d.seen)
	}
}

// missing is what the reports have not said.
func (d *demo) missing() map[string][]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.want)
}

// close ends the server; the daemons end when their directory is gone.
func (d *demo) close() {
	_ = d.server.Close()
	_ = os.RemoveAll(d.dir)
}
