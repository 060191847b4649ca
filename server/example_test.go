package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/server"
)

// A tree that serves HTTP, until the context of Serve ends.
func ExampleHTTP() {
	root := tend.New("shop", tend.Spec{StopWithin: 25 * time.Second})
	root.Add(server.HTTP(&http.Server{Addr: ":8080", Handler: http.NotFoundHandler()}))
	fmt.Println(root.Status().Services[0].Name)
	// Output: http@:8080
}

// A server for HTTP at a listener of its own, and with a minute for requests under
// way.
func ExampleConfig() {
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	web := server.Config{
		Name:   "web",
		Listen: func(context.Context) (net.Listener, error) { return listener, nil },
		New:    server.CopiesOf(&http.Server{Handler: hello}),
		Drain:  time.Minute,
	}.Child()
	fmt.Println(web.Name, web.Timeout)

	root := tend.New("shop", tend.Spec{EventHook: func(tend.Event) {}})
	root.Add(web)
	ended := root.ServeBackground(ctx)
	if answer, err := http.Get("http://" + listener.Addr().String()); err == nil {
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		fmt.Printf("%s\n", body)
	}
	cancel()
	<-ended
	// Output:
	// web 1m2s
	// hello
}
