package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// shop is a tree of database and workers, and what customers see of it.
type shop struct {
	t      *testing.T
	web    *httptest.Server
	root   *tend.Supervisor
	failed atomic.Int64
}

func open(t *testing.T, path string, workers int, c charge) *shop {
	t.Helper()
	s := &shop{t: t}
	s.root = tend.New("shop", tend.Spec{Ordered: true, EventHook: s.note})
	db := newStore(path)
	s.root.Add(tend.Child{Service: db, ReadyTimeout: time.Minute})
	s.root.Add(newWorkers(workers, db, c))
	done := s.root.ServeBackground(t.Context())
	if err := s.root.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.web = httptest.NewServer(newWeb(db))
	t.Cleanup(func() {
		s.web.Close()
		s.root.Stop()
		<-done
	})
	return s
}

func (s *shop) note(e tend.Event) {
	if e.Kind() == (tend.ServiceFailed{}).Kind() {
		s.failed.Add(1)
	}
}

// failures is how many there were; it closes the shop, which has told all then.
func (s *shop) failures() int64 {
	s.root.Stop()
	return s.failed.Load()
}

// says is what the shop answers.
func (s *shop) says(method, path, body string) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.web.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var text strings.Builder
	if err := response.Write(&text); err != nil {
		s.t.Fatal(err)
	}
	_, answer, _ := strings.Cut(text.String(), "\r\n\r\n")
	return response.Status[:3] + " " + strings.TrimSpace(answer)
}

// charged is a bank that says what answer says, and knows for what it was asked.
type charged struct {
	mu     sync.Mutex
	orders []string
	answer func(ctx context.Context, o order) error
}

func (c *charged) charge(ctx context.Context, o order) error {
	c.mu.Lock()
	c.orders = append(c.orders, o.Item)
	c.mu.Unlock()
	return c.answer(ctx, o)
}

func TestAnOrderIsPaidOnce(t *testing.T) {
	bank := &charged{answer: func(context.Context, order) error { return nil }}
	s := open(t, filepath.Join(t.TempDir(), "shop.db"), 4, bank.charge)
	if got := s.says("POST", "/orders", `{"item": "socks", "cents": 990}`); got != `201 {"id":1,"item":"socks","cents":990,"state":"new"}` {
		t.Error(got)
	}
	if got := s.says("GET", "/orders/1?wait", ""); got != `200 {"id":1,"item":"socks","cents":990,"state":"paid"}` {
		t.Error(got)
	}
	if diff := cmp.Diff([]string{"socks"}, bank.orders); diff != "" {
		t.Error(diff)
	}
}

func TestARefusalIsAnAnswer(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "shop.db"), 1, newBank(""))
	s.says("POST", "/orders", `{"item": "yacht", "cents": 100001}`)
	if got := s.says("GET", "/orders/1?wait", ""); got != `200 {"id":1,"item":"yacht","cents":100001,"state":"refused"}` {
		t.Error(got)
	}
	if n := s.failures(); n > 0 {
		t.Errorf("%d failures", n)
	}
}

// TestAnOrderThatCrashesWorkersIsGivenUp after three of them, and others do not wait for
// that.
func TestAnOrderThatCrashesWorkersIsGivenUp(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "shop.db"), 2, newBank(""))
	s.says("POST", "/orders", `{"item": "unobtainium", "cents": 1}`)
	s.says("POST", "/orders", `{"item": "socks", "cents": 990}`)
	if got := s.says("GET", "/orders/2?wait", ""); !strings.HasSuffix(got, `"state":"paid"}`) {
		t.Error(got)
	}
	if got := s.says("GET", "/orders/1?wait", ""); !strings.HasSuffix(got, `"state":"failed"}`) {
		t.Error(got)
	}
	if n := s.failures(); n != maxTries {
		t.Errorf("%d failures", n)
	}
}

// TestWhatWasInHandIsTakenUpAgain by the next run, however this one ended.
func TestWhatWasInHandIsTakenUpAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	asked := make(chan struct{})
	t.Run("stopped", func(t *testing.T) {
		s := open(t, path, 1, func(ctx context.Context, _ order) error {
			close(asked)
			<-ctx.Done()
			return ctx.Err()
		})
		s.says("POST", "/orders", `{"item": "socks", "cents": 990}`)
		<-asked
	})
	t.Run("started again", func(t *testing.T) {
		s := open(t, path, 1, func(context.Context, order) error { return nil })
		if got := s.says("GET", "/orders/1?wait", ""); !strings.HasSuffix(got, `"state":"paid"}`) {
			t.Error(got)
		}
	})
}

// TestStopsAreNoFailures of the order that was in hand, however many there are; and what the
// bank has said is written down.
func TestStopsAreNoFailures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	for i := range maxTries + 1 {
		t.Run("stopped", func(t *testing.T) {
			asked := make(chan struct{})
			s := open(t, path, 1, func(ctx context.Context, _ order) error {
				close(asked)
				<-ctx.Done()
				return ctx.Err()
			})
			if i == 0 {
				s.says("POST", "/orders", `{"item": "socks", "cents": 990}`)
			}
			<-asked
		})
	}
	t.Run("stopped while the bank says yes", func(t *testing.T) {
		asked := make(chan struct{})
		open(t, path, 1, func(ctx context.Context, _ order) error {
			close(asked)
			<-ctx.Done()
			return nil
		})
		<-asked
	})
	s := open(t, path, 1, func(context.Context, order) error { return errors.New("asked once more") })
	if got := s.says("GET", "/orders/1", ""); !strings.HasSuffix(got, `"state":"paid"}`) {
		t.Error(got)
	}
}

// TestTheBankIsAskedItself: that another page is there is no payment.
func TestTheBankIsAskedItself(t *testing.T) {
	bank := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Redirect(w, r, "/sorry", http.StatusFound)
		}
	}))
	defer bank.Close()
	if err := post(t.Context(), bank.URL, order{ID: 1, Item: "socks", Cents: 990}); !errors.Is(err, errBusy) {
		t.Errorf("got %v", err)
	}
}

func TestBadRequests(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "shop.db"), 1, newBank(""))
	const looks = `400 an order looks like {"item": "socks", "cents": 990}`
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/orders", "", looks},
		{"POST", "/orders", `{"item": "", "cents": 1}`, looks},
		{"POST", "/orders", `{"item": "socks", "cents": -1}`, looks},
		{"POST", "/orders", `{"item": "` + strings.Repeat("x", 5000) + `", "cents": 1}`, looks},
		{"GET", "/orders/1", "", "404 there is no such order"},
		{"GET", "/orders/x", "", "400 an order has a number"},
		{"DELETE", "/orders/1", "", "405 Method Not Allowed"},
	} {
		if got := s.says(c.method, c.path, c.body); got != c.want {
			t.Errorf("%s %s %.40s: %s, want %s", c.method, c.path, c.body, got, c.want)
		}
	}
	s.root.Stop()
	if got := s.says("GET", "/orders/1", ""); got != "503 come again in a moment" {
		t.Errorf("without a database: %s", got)
	}
}

// TestABusyBankIsAskedAgain, for ten seconds; one that refuses is not.
func TestABusyBankIsAskedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		answers []error // the last one again and again
		want    string
		asked   bool // again
	}{
		"busy at first": {[]error{errBusy, errBusy, nil}, "<nil>", true},
		"busy":          {[]error{errBusy}, "the bank is busy", true},
		"refuses":       {[]error{errRefused}, "the bank refuses", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, began := 0, time.Now()
				err := patient(func(context.Context, order) error {
					n++
					return c.answers[min(n, len(c.answers))-1]
				})(t.Context(), order{})
				took := time.Since(began)
				if !strings.HasSuffix(fmt.Sprint(err), c.want) || (n > 1) != c.asked || took > 10*time.Second {
					t.Errorf("asked %d times in %v: %v", n, took, err)
				}
				if c.want == "the bank refuses" && !errors.Is(err, errRefused) {
					t.Errorf("%v is no refusal", err)
				}
			})
		})
	}
}
