package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/tendtest"
)

// TestRunKeepsTheLawsOfServices, as a program that is part of another one wants it.
func TestRunKeepsTheLawsOfServices(t *testing.T) {
	tendtest.TestServiceInRealTime(t, func() tend.Service {
		root := tend.New("root", tend.Spec{})
		root.Add(tendtest.Idle("a"))
		return tend.Func("app", func(ctx context.Context) error {
			if code := app.Run(ctx, root, app.Options{Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)}); code != 0 {
				return fmt.Errorf("exit code %d", code)
			}
			return nil
		})
	})
}
