package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// demo is all that an agent needs: plugins, one of which crashes and one of which
// falls silent, and a server.
type demo struct {
	dir     string
	plugins []plugin // for its file
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
	d.plugins = append(d.plugins, plugin{Name: "fonts", Version: "1.0", Once: true})
	const gauge = "größenmesser €€€€€€€€€€€€€€€€="
	d.want = map[string][]string{
		scanPath: {"disk=left out", "disk=" + running, "disk=left out", "disk=" + running}, // nothing runs at first
		pullPath: {gauge + running, gauge + failed},
	}
	text, err := json.Marshal(d.plugins)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(d.file(), text, 0o600); err != nil {
		return nil, err
	}
	return d, d.listen()
}

// file says which plugins are installed.
func (d *demo) file() string { return filepath.Join(d.dir, "plugins.json") }

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
	for _, state := range states(r) {
		line += " " + state
		d.saw(path, state)
	}
	if path == scanPath && strings.Contains(line, "fonts") && !strings.Contains(line, "disk") {
		d.saw(path, "disk=left out") // of a scan's report, which always has the fonts
	}
	fmt.Fprintln(d.out, line)
	return true
}

// states is what a report says.
func states(r report) (list []string) {
	for _, p := range r.Plugins {
		state := p.Name
		if p.Status != "" {
			state += "=" + p.Status
		}
		list = append(list, state)
	}
	return list
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
