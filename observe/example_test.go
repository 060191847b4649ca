package observe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/observe"
)

// The page of a tree, for all who may see it, with buttons for those who may act. A
// program that uses package app gives the handler to its Options.Tree instead.
func ExampleHandler() {
	root := tend.New("shop", tend.Spec{})
	root.Add(tend.Func("web", func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	}))
	mux := http.NewServeMux()
	mux.Handle("/debug/tree/", observe.Handler(root, observe.Options{
		Allow: func(r *http.Request, a observe.Action, s tend.ServiceStatus) error {
			if name, _, _ := r.BasicAuth(); name != "operator" || a == observe.Remove {
				return errors.New("operators may restart and suspend, and others may look")
			}
			return nil
		},
	}))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/debug/tree/api/tree?format=text", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 200 text/plain; charset=utf-8
}
