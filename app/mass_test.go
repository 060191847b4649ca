//go:build unix

package app

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/tend-go/tend"
)

func TestMassStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		for i := range 5000 {
			err := Exit(0, nil)
			if i == 4999 {
				err = Exit(4, nil)
			}
			root.Add(tend.Func(fmt.Sprint(i), func(ctx context.Context) error { <-ctx.Done(); return err }))
		}
		s := perform(t.Context(), root, Options{})
		synctest.Wait()
		s.signals <- syscall.SIGTERM
		s.wantCode(t, 4, 0)
	})
}
