package server_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/server"
	"github.com/tend-go/tend/tendtest"
)

// TestServersKeepTheLawsOfServices, where nobody connects.
func TestServersKeepTheLawsOfServices(t *testing.T) {
	tendtest.TestService(t, func() tend.Service {
		return server.Config{
			Name:   "web",
			Listen: func(context.Context) (net.Listener, error) { return &deserted{closed: make(chan bool)}, nil },
			New:    server.CopiesOf(&http.Server{}),
		}.Child()
	})
}

// TestRealServersKeepTheLawsOfServices, with the listeners of the system.
func TestRealServersKeepTheLawsOfServices(t *testing.T) {
	tendtest.TestServiceInRealTime(t, func() tend.Service { return server.HTTP(&http.Server{Addr: "127.0.0.1:0"}) })
}

// deserted is a listener to which nobody connects.
type deserted struct {
	closed chan bool
	once   sync.Once
}

func (d *deserted) Accept() (net.Conn, error) {
	<-d.closed
	return nil, net.ErrClosed
}

func (d *deserted) Close() error {
	d.once.Do(func() { close(d.closed) })
	return nil
}

func (d *deserted) Addr() net.Addr { return &net.TCPAddr{} }
