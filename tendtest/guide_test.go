package tendtest_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// The examples of docs/testing.md, as they stand there: TestGuide compares.

// newShop is the program's tree.
func newShop() *tend.Supervisor {
	root := tend.New("shop", tend.Spec{Ordered: true, Jitter: -1, StopWithin: 20 * time.Second})
	root.Add(tend.Child{Name: "db", Service: tend.Func("db", serveDB), ReadyTimeout: 5 * time.Second})
	workers := tend.New("workers", tend.Spec{Jitter: -1})
	workers.Add(tend.Func("worker-1", work))
	workers.Add(tend.Func("worker-2", work))
	root.Add(workers)
	root.Add(tend.Child{Name: "mailer", Service: tend.Func("mailer", work), Backoff: tend.Backoff{Min: time.Second, Max: time.Minute}})
	return root
}

func serveDB(ctx context.Context) error {
	tend.Ready(ctx)
	<-ctx.Done()
	return context.Cause(ctx)
}

func work(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func TestShopStarts(t *testing.T) {
	tendtest.Run(t, newShop, func(t *testing.T, shop *tendtest.Tree) {
		if s := shop.Service("shop/mailer"); s.State != tend.StateRunning {
			t.Errorf("the mailer is %v", s.State)
		}
	})
}

func TestMailerWaitsAfterAFailure(t *testing.T) {
	tendtest.Run(t, newShop, func(t *testing.T, shop *tendtest.Tree) {
		shop.Tape.Lines() // the start is not what this is about
		shop.Fail("shop/mailer", errors.New("connection refused"))
		shop.Sleep(time.Minute)
		shop.Tape.Want(
			`0s shop/mailer service failed err="connection refused" count=1 restarting delay=1s`,
			`1s shop/mailer service started restarts=1`,
		)
	})
}

func TestNothingStartsBeforeTheDatabase(t *testing.T) {
	tendtest.Run(t, newShop, func(t *testing.T, shop *tendtest.Tree) {
		_ = shop.Stop()
		shop.NeverReady("shop/db")
		shop.Tape.Lines()
		shop.Serve()
		shop.Sleep(4 * time.Second)
		if s := shop.Service("shop/workers"); s.State != tend.StatePending || s.HeldBy != "shop/db" {
			t.Errorf("the workers are %v, held by %s", s.State, s.HeldBy)
		}
		shop.Heal("shop/db")
		shop.Tape.WantAmong("4s shop/db service ready", "4s shop/workers service started", "4s shop/mailer service started")
	})
}

func TestAFlappingDatabaseAtBoot(t *testing.T) {
	tendtest.Run(t, newShop, func(t *testing.T, shop *tendtest.Tree) {
		_ = shop.Stop()
		shop.FailStart("shop/db", 3)
		shop.Serve()
		if s := shop.Service("shop/db"); s.State != tend.StateRunning || s.Failed != 3 {
			t.Errorf("the database is %v after %d failures", s.State, s.Failed)
		}
	})
}

func TestTheStopIsBounded(t *testing.T) {
	tendtest.Run(t, newShop, func(t *testing.T, shop *tendtest.Tree) {
		shop.Hang("shop/workers/*")
		shop.SlowStop("shop/db", 2*time.Second)
		begin := time.Now()
		_ = shop.Stop()
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("the stop took %v", took)
		}
		if left := shop.Root.UnstoppedServices(); len(left) != 2 {
			t.Errorf("on the books are %v", left)
		}
	})
}

func TestBoot(t *testing.T) {
	tendtest.Run(t, newShop, func(t *testing.T, shop *tendtest.Tree) {
		shop.Tape.WantFile("testdata/boot.tape")
	})
}

func TestOfWorkers(t *testing.T) {
	tendtest.TestService(t, func() tend.Service { return tend.Func("worker", work) })
}

func TestShopInAStorm(t *testing.T) {
	tendtest.Run(t, newShop, func(t *testing.T, shop *tendtest.Tree) {
		shop.Storm(tendtest.Storm{Acts: 200})
		// … and here: that no order was lost, and none was sent twice
	})
}

// TestGuide: docs/testing.md shows what is compiled and run here.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile("../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile("guide_test.go")
	if err != nil {
		t.Fatal(err)
	}
	pieces := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	if len(pieces) < 8 {
		t.Fatalf("there are %d pieces", len(pieces))
	}
	for _, p := range pieces {
		if !strings.Contains(string(own), p[1]) {
			t.Errorf("this is in the guide only:\n%s", p[1])
		}
	}
}
