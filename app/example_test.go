package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/observe"
	"github.com/tend-go/tend/server"
)

// The main function of a web server.
func ExampleMain() {
	root := tend.New("shop", tend.Spec{StopWithin: 25 * time.Second})
	root.Add(server.HTTP(&http.Server{Addr: ":8080", Handler: http.NotFoundHandler()}))
	app.Main(root, app.Options{
		Listen: ":8081",
		Debug:  ":6060",
		Tree:   observe.Handler(root, observe.Options{}),
	})
}

// A service that ends the program with a status.
func ExampleExit() {
	root := tend.New("migrate", tend.Spec{EventHook: func(tend.Event) {}})
	root.Add(tend.Func("work", func(context.Context) error {
		return app.Exit(3, errors.New("the schema is newer than this program"))
	}))
	code := app.Run(context.Background(), root, app.Options{Logger: discard()})
	fmt.Println("exit code", code)
	// Output: exit code 3
}

// Other rules of readiness: every service of the whole tree counts, or only those of
// the part that users need.
func ExampleOptions_ready() {
	root := tend.New("shop", tend.Spec{})
	web := tend.New("web", tend.Spec{})
	root.Add(web)
	strict := app.Options{Ready: tend.Status.AllRunning}
	fmt.Println(strict.Ready(root.Status()))
	part := app.Options{Ready: func(tend.Status) error { return web.Status().Ready() }}
	fmt.Println(part.Ready(root.Status()))
	// Output:
	// shop is not served
	// shop/web is not served
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
