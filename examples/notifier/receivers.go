package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// receivers are on this machine, so that the program has somebody to send to. All
// of them are a little unreliable.
type receivers []*receiver

// receiver counts what it gets.
type receiver struct {
	name   string
	fails  func(id string, times int) bool // whether to refuse id the times-th time
	status int                             // with which
	server http.Server
	url    string

	mu       sync.Mutex
	requests int
	tried    map[string]int // by id
	got      map[string]int // by id; more than once would be a mistake
}

func startReceivers() (receivers, error) {
	all := receivers{
		{name: "chat", fails: func(string, int) bool { return false }},
		{name: "mail", status: http.StatusServiceUnavailable, fails: func(id string, times int) bool { return id == "2026-0003" && times < 3 }},
		// This one is down for longer than a poll tries.
		{name: "pager", status: http.StatusBadGateway, fails: func(id string, times int) bool { return id == "2026-0007" && times < 7 }},
	}
	for _, r := range all {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			all.close()
			return nil, err
		}
		r.tried, r.got = map[string]int{}, map[string]int{}
		r.url = "http://" + l.Addr().String()
		r.server.Handler = r
		r.server.ReadHeaderTimeout = 5 * time.Second
		go func() { _ = r.server.Serve(l) }()
	}
	return all, nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var n notification
	if err := json.NewDecoder(req.Body).Decode(&n); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	r.tried[n.ID]++
	if r.fails(n.ID, r.tried[n.ID]) {
		http.Error(w, "not now", r.status)
		return
	}
	r.got[n.ID]++
}

func (rs receivers) addresses() (list []receiverAddress) {
	for _, r := range rs {
		list = append(list, receiverAddress{r.name, r.url})
	}
	return list
}

func (rs receivers) close() {
	for _, r := range rs {
		_ = r.server.Close()
	}
}

// print says what everybody got.
func (rs receivers) print(w io.Writer) {
	for _, r := range rs {
		r.mu.Lock()
		twice := 0
		for _, times := range r.got {
			twice += times - 1
		}
		fmt.Fprintf(w, "%-5s got %d notifications in %d requests, %d of them twice\n", r.name, len(r.got), r.requests, twice)
		r.mu.Unlock()
	}
}
