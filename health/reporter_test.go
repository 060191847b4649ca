package health_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tend-go/tend/health"
)

// In changes-only mode too.
func TestWhatAFailedReportHadToSayIsSaidByTheNext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{})
		add(t, prober, health.Probe{Name: "a"})
		var sent []string
		down := false
		r := &health.Reporter{Prober: prober, Send: func(_ context.Context, r health.Report) error {
			if down {
				return errSick
			}
			var line []string
			for _, p := range r.Probes {
				line = append(line, p.Name+" "+p.State.String())
			}
			sent = append(sent, strings.Join(line, ", "))
			return nil
		}}
		report := func(want ...string) {
			t.Helper()
			sent = nil
			if err := r.Report(t.Context()); (err != nil) != down {
				t.Errorf("Report: %v", err)
			}
			if !slices.Equal(sent, want) {
				t.Errorf("sent %q, want %q", sent, want)
			}
		}
		tell := func(name string, errs ...error) {
			for _, err := range errs {
				if err := prober.Report(name, err); err != nil {
					t.Fatal(err)
				}
			}
		}
		report("a unknown")
		report("a unknown")
		r.ChangesOnly(true)
		report()
		tell("a", nil)
		down = true
		report()
		down = false
		report("a healthy")
		tell("a", errSick, errSick) // below the threshold
		report()
		down = true
		tell("a", errSick)
		report()
		tell("a", nil) // undone before anybody was told
		down = false
		report()
		add(t, prober, health.Probe{Name: "b"})
		report("a healthy, b unknown")
		prober.Remove("b")
		report("a healthy")
		sent = nil
		if err := r.Force(t.Context()); err != nil || len(sent) != 1 {
			t.Errorf("Force sent %q, %v", sent, err)
		}
		r.ChangesOnly(false)
		report("a healthy")
	})
}

// One that waits can be given up, and a panic harms nobody.
func TestReporterOneAtATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sending := 0
		r := &health.Reporter{Prober: newProber(t, health.Config{}), Send: func(context.Context, health.Report) error {
			if sending++; sending > 1 {
				t.Error("two at once")
			}
			time.Sleep(10 * time.Second)
			sending--
			panic("send")
		}}
		for range 3 {
			go func() {
				defer func() { _ = recover() }()
				_ = r.Report(t.Context())
			}()
		}
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Report(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a Report that was given up: %v", err)
		}
		time.Sleep(time.Minute)
	})
}
