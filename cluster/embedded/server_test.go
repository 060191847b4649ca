package embedded_test

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tend-go/tend/cluster/embedded"
	"github.com/tend-go/tend/cluster/internal/store"
	"github.com/tend-go/tend/cluster/tendetcd"
)

// Whoever watches is not waited for when the server stops. Left to itself etcd waits for the
// limit of a request, which is five seconds and two election timeouts.
func TestStopDoesNotWaitForWatchers(t *testing.T) {
	for name, change := range map[string]func(*embedded.Options){
		"plain": func(*embedded.Options) {}, "TLS": newAuthority(t).certify,
	} {
		o := alone(t)
		change(&o)
		v := serve(t, embedded.New(o)).ready()
		engine, seen, ended := v.engine(), make(chan store.Batch, 1), make(chan error, 1)
		go func() { ended <- engine.Watch(soon(t), "k", time.Hour, func(b store.Batch) { seen <- b }) }()
		wait(t, "it watches", seen)
		v.put("k")
		wait(t, "it watches on", seen)
		began, stopped := time.Now(), make(chan bool)
		go func() {
			v.stop()
			close(stopped)
		}()
		select {
		case <-stopped:
			t.Log(name, "stopped after", time.Since(began))
		case <-time.After(5 * time.Second):
			t.Error(name, "waits for those who watch")
		}
	}
}

// A server that has never had a leader stops like any other.
func TestStopWithoutMajority(t *testing.T) {
	o := alone(t)
	o.Name, o.Peers = "a", map[string]string{"a": free(t), "b": free(t), "c": free(t)}
	failed := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { failed <- embedded.New(o).Serve(ctx) }()
	for { // until it listens
		if conn, err := net.Dial("tcp", o.Peers["a"]); err == nil {
			conn.Close()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := wait(t, "it stops", failed); err != nil {
		t.Error(err)
	}
}

// What keeps a server from running is an error that says so.
func TestServeFails(t *testing.T) {
	first := alone(t)
	serve(t, embedded.New(first)).ready()
	sameDir, sameAddr, file := first, alone(t), alone(t)
	sameDir.Listen, sameAddr.Listen = free(t), first.Listen
	if err := os.WriteFile(file.Dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	missing := alone(t)
	missing.CertFile, missing.KeyFile = "nowhere.crt", "nowhere.key"
	for want, o := range map[string]embedded.Options{
		"another server has the directory " + first.Dir: sameDir,
		"address already in use":                        sameAddr,
		"not a directory":                               file,
		"nowhere.crt":                                   missing,
	} {
		failed := make(chan error, 1)
		go func() { failed <- embedded.New(o).Serve(t.Context()) }()
		if err := wait(t, want, failed); err == nil || !strings.HasPrefix(err.Error(), "tend/embedded: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := embedded.New(missing).Engine(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// When a server has stopped and its client is closed, no goroutine of theirs is left.
func TestNothingIsLeft(t *testing.T) {
	v := serve(t, embedded.New(alone(t))).ready()
	ctx, cancel := context.WithCancel(t.Context())
	engine, err := tendetcd.Engine(clientv3.Config{Endpoints: []string{v.Near()}, Context: ctx})
	if err != nil {
		t.Fatal(err)
	}
	f := newFleet(t, 4)
	stop := f.join("a", engine)
	for range 4 {
		f.next()
	}
	stop()
	cancel()
	v.stop()
	var left string
	for end := time.Now().Add(enough); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if left = goroutines("go.etcd.io", "google.golang.org", "tend/cluster"); left == "" {
			return
		}
	}
	t.Error(left)
}

// goroutines are the stacks in which one of the words stands, but not a test.
func goroutines(words ...string) string {
	var all, found strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&all, 1)
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		for _, word := range words {
			if strings.Contains(stack, word) && !strings.Contains(stack, "testing.tRunner") {
				found.WriteString(stack + "\n\n")
				break
			}
		}
	}
	return found.String()
}
