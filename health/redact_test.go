package health_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

// TestTextsOfProbesAreRedacted by the tree that serves the prober, and by Config.Tree:
// in reports, changes and the log. Programs get the errors as they are.
func TestTextsOfProbesAreRedacted(t *testing.T) {
	const secret = "hunter2"
	failure := errors.New("password " + secret)
	hide := func(text string) string { return strings.ReplaceAll(text, secret, "***") }
	for name, c := range map[string]struct{ serves, asked tend.Spec }{
		"the tree that serves it": {serves: tend.Spec{Redact: hide, EventHook: quiet}, asked: tend.Spec{EventHook: quiet}},
		"the tree that it asks":   {serves: tend.Spec{EventHook: quiet}, asked: tend.Spec{Redact: hide, EventHook: quiet}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var log bytes.Buffer
				var raw error
				prober := newProber(t, health.Config{
					Tree: tend.New("asked", c.asked), Logger: slog.New(slog.NewTextHandler(&log, nil)),
					OnChange: func(_ context.Context, change health.Change) error {
						raw = change.Err.Err
						return fmt.Errorf("webhook: %w", failure)
					},
				})
				add(t, prober,
					health.Probe{Name: "fails", Check: func(context.Context) error { return failure }, FailureThreshold: 1},
					health.Probe{Name: "panics", Check: func(context.Context) error { panic("with " + secret) }, FailureThreshold: 1},
				)
				root := tend.New("root", c.serves)
				root.Add(prober)
				done := root.ServeBackground(t.Context())
				time.Sleep(time.Second)
				synctest.Wait()
				report, err := json.Marshal(prober.Snapshot(health.Readiness))
				root.Stop()
				<-done
				text := string(report) + log.String()
				if err != nil || strings.Contains(text, secret) || strings.Count(text, "***") < 6 {
					t.Errorf("%v\n%s", err, text)
				}
				if raw == nil || !strings.Contains(raw.Error(), secret) {
					t.Errorf("the program gets %v", raw)
				}
			})
		})
	}
}

// TestWhatTheTreeIsNotReadyForIsRedacted, also if it is Config.Ready that says so, and
// what is reported to the prober.
func TestWhatTheTreeIsNotReadyForIsRedacted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		root := tend.New("root", tend.Spec{EventHook: quiet, Redact: func(string) string { return "***" }})
		prober := newProber(t, health.Config{Tree: root, Ready: func(tend.Status) error { return errors.New("secret") }})
		add(t, prober, health.Probe{Name: "passive", FailureThreshold: 1})
		if err := prober.Report("passive", errors.New("secret")); err != nil {
			t.Error(err)
		}
		serve(t, prober)
		synctest.Wait()
		report, err := json.Marshal(prober.Snapshot(health.Readiness))
		if err != nil || strings.Contains(string(report), "secret") || strings.Count(string(report), "***") < 2 {
			t.Errorf("%v: %s", err, report)
		}
	})
}
