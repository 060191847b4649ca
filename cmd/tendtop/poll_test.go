package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/observe"
	"github.com/tend-go/tend/tendtest"
)

// direct asks a handler without a network, which no bubble of synctest would wait for,
// and counts the questions for the tree.
type direct struct {
	handler http.Handler
	trees   int
}

func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/api/tree") {
		d.trees++
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

// locked is a model that a test looks at while the program runs it.
type locked struct {
	mu sync.Mutex
	m  *model
}

func (l *locked) Init() tea.Cmd { return l.m.Init() }

func (l *locked) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, cmd := l.m.Update(msg)
	return l, cmd
}

func (l *locked) View() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return ansi.Strip(l.m.View())
}

// running runs a model for a page of root as the program does, in a bubble, asking every
// second. press has keys pressed, and what comes of it.
func running(t *testing.T, root *tend.Supervisor) (l *locked, d *direct, press func(keys string)) {
	t.Helper()
	page := observe.Handler(root, observe.Options{
		Allow:  func(*http.Request, observe.Action, tend.ServiceStatus) error { return nil },
		Logger: slog.New(slog.DiscardHandler),
	})
	d = &direct{handler: page}
	done := root.ServeBackground(t.Context())
	synctest.Wait()
	l = &locked{m: newModel(&client{"http://localhost/", &http.Client{Transport: d}}, options{every: time.Second})}
	p := tea.NewProgram(l, tea.WithInput(nil), tea.WithoutRenderer(), tea.WithoutSignalHandler())
	ended := make(chan error)
	go func() {
		_, err := p.Run()
		ended <- err
	}()
	t.Cleanup(func() {
		p.Quit()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		page.Close()
		root.Stop()
		<-done
		time.Sleep(time.Second) // the last tick cannot be called off
	})
	synctest.Wait()
	return l, d, func(keys string) {
		for _, k := range keys {
			p.Send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{k}})
		}
		synctest.Wait()
	}
}

// TestItAsksAsOftenAsItSays, whatever was done meanwhile: each act has it ask once more,
// and not once more each time.
func TestItAsksAsOftenAsItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("shop", tend.Spec{EventHook: func(tend.Event) {}})
		root.Add(tendtest.Idle("web"))
		l, d, press := running(t, root)
		const acts, seconds = 5, 60
		for range acts {
			if press("ry"); !strings.HasSuffix(l.View(), "\nrestart requested") {
				t.Errorf("it does not say so:\n%s", l.View())
			}
		}
		time.Sleep(seconds * time.Second)
		synctest.Wait()
		if want := 1 + acts + seconds; d.trees != want {
			t.Errorf("it asked %d times, want %d", d.trees, want)
		}
	})
}

// TestAnyServiceMayBeActedOn: one whose path is longer than what is shown of it, and one that
// serves a supervisor which it has not declared, and that.
func TestAnyServiceMayBeActedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quiet := tend.Spec{EventHook: func(tend.Event) {}, FailureBackoff: time.Hour}
		root, inner, fails := tend.New("shop", quiet), tend.New("inner", quiet), 6
		inner.Add(tend.Func("fails", func(ctx context.Context) error {
			if fails--; fails >= 0 {
				return errors.New("boom")
			}
			<-ctx.Done()
			return nil
		}))
		root.Add(tend.Func("serves", inner.Serve))
		deep := tend.New(strings.Repeat("d", 200), quiet)
		deep.Add(tendtest.Idle(strings.Repeat("l", 200)))
		root.Add(deep)
		l, _, press := running(t, root)
		for _, keys := range []string{"jey", "ry", "jjry", "jry"} {
			press(keys)
			if l.m.said != "resume requested" && l.m.said != "restart requested" {
				t.Errorf("after %s it says %q", keys, l.m.said)
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
	})
}

// TestAChangeShowsByItself: with the next tick, without a key, and the one after that too.
func TestAChangeShowsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("shop", tend.Spec{EventHook: func(tend.Event) {}})
		root.Add(tendtest.Idle("web"))
		l, _, _ := running(t, root)
		for _, name := range []string{"late", "later"} {
			root.Add(tendtest.Idle(name))
			time.Sleep(time.Second - time.Nanosecond)
			synctest.Wait()
			if strings.Contains(l.View(), name+" ") {
				t.Errorf("%s shows before a tick", name)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if view := l.View(); !strings.Contains(view, name+" ") {
				t.Errorf("%s does not show:\n%s", name, view)
			}
		}
	})
}
