package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// TestRun is the program, with few devices: the story checks itself.
func TestRun(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-devices", "200", "-silence", "50ms"}, &stdout, &stderr); code != 0 {
		t.Errorf("exit code %d\n%s\n%s", code, &stderr, &stdout)
	}
	if out := stdout.String(); !strings.Contains(out, "device 7 has failed, and nobody else") || !strings.HasSuffix(out, "what it measured last: 42\n") {
		t.Errorf("it says\n%s", out)
	}
}

// TestStop: it ends at any time, with 0.
func TestStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"-devices", "1000"}, &stdout, &stderr); code != 0 {
		t.Errorf("exit code %d\n%s", code, &stderr)
	}
}

func TestArguments(t *testing.T) {
	for args, want := range map[string]int{"-devices 9": 2, "-silence 0s": 2, "-x": 2, "what": 2, "-help": 0} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(args), &stdout, &stderr); code != want || stderr.Len() == 0 {
			t.Errorf("%s: exit code %d, want %d\n%s", args, code, want, &stderr)
		}
	}
}

// serve serves a gateway in a bubble.
func serve(t *testing.T, devices uint64) *gateway {
	t.Helper()
	g := newGateway(devices, time.Minute)
	root := tend.New("gateway", tend.Spec{EventHook: g.hear})
	root.Add(g.devices)
	root.Add(g.operator)
	root.ServeBackground(t.Context())
	t.Cleanup(root.Stop)
	return g
}

func send(t *testing.T, g *gateway, id uint64, m msg) {
	t.Helper()
	if err := g.devices.To(id).TrySend(m); err != nil {
		t.Error(err)
	}
	synctest.Wait()
}

// TestADeviceIsSilent when it has not reported for a minute since it came online, and then
// sleeps.
func TestADeviceIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := serve(t, 10)
		send(t, g, 1, connect{})
		time.Sleep(50 * time.Second)
		send(t, g, 1, report{20})
		time.Sleep(time.Minute - time.Second)
		if n := g.silent.Load(); n != 0 {
			t.Errorf("%d are silent, a second too early", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := g.silent.Load(); n != 1 || g.devices.Len() != 1 {
			t.Errorf("%d are silent, %d awake", n, g.devices.Len())
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if g.devices.Len() != 0 {
			t.Error("it does not sleep")
		}
		v, err := actor.Ask(t.Context(), g.devices.To(1), func(r actor.Reply[float64]) msg { return latest{r} })
		if v != 20 || err != nil {
			t.Errorf("woken it says %v, %v", v, err)
		}
	})
}

// TestAlerts reach the operator.
func TestAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := serve(t, 10)
		synctest.Wait()
		for _, v := range []float64{hot, hot + 0.05, 100} {
			send(t, g, 2, report{v})
		}
		if n := g.seen.Load(); n != 2 {
			t.Errorf("the operator has seen %d", n)
		}
	})
}

// TestNoSuchDevice: a key that may not be is refused, and nothing is left of it.
func TestNoSuchDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := serve(t, 10)
		_, err := actor.Ask(t.Context(), g.devices.To(10), func(r actor.Reply[float64]) msg { return latest{r} })
		if !errors.Is(err, actor.ErrGone) || !strings.Contains(err.Error(), "there is no device 10") {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		if g.devices.Len() != 0 || g.failures.Load() != 0 {
			t.Errorf("%d devices, %d failures", g.devices.Len(), g.failures.Load())
		}
	})
}
