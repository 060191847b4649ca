package main

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// What a device understands.
type (
	msg     interface{ device() }
	connect struct{}                       // it is online, and has to report now and then
	report  struct{ value float64 }        // what it measures
	latest  struct{ actor.Reply[float64] } // what did it measure last?
	silence struct{}                       // it has not reported in time
)

func (connect) device() {}
func (report) device()  {}
func (latest) device()  {}
func (silence) device() {}

// alert is what operators subscribe to.
type alert struct {
	device uint64
	text   string
}

// hot is a value of which an operator wants to know.
const hot = 99.9

// device is the state of one.
type device struct {
	*gateway
	self *actor.Actor[msg]
	id   uint64
	last float64
	off  func() bool // stops the timer of one that is online; nil: it is not
}

func (d *device) Handle(_ context.Context, m msg) error {
	switch m := m.(type) {
	case latest:
		m.Send(d.last)
	case connect:
		d.online()
	case report:
		if math.IsNaN(m.value) { // its decoder is out of step: begin again
			return fmt.Errorf("device %d reports no number", d.id)
		}
		d.last = m.value
		d.reports.Add(1)
		if m.value > hot {
			d.alerts.Publish(alert{d.id, "hot"})
		}
		if d.off != nil {
			d.online()
		}
	case silence:
		d.off = nil
		d.silent.Add(1)
	}
	return nil
}

// online gives it the time until its next report anew.
func (d *device) online() {
	if d.off == nil {
		d.connected.Add(1)
	} else {
		d.off()
	}
	d.off = d.self.After(d.patience, silence{})
}

// Stop writes down what it measured last: before it sleeps, and when the program ends.
func (d *device) Stop(context.Context, error) error {
	d.written[d.id].Store(math.Float64bits(d.last))
	return nil
}

// gateway is all devices, and who watches them.
type gateway struct {
	devices  *actor.Group[uint64, msg]
	operator *actor.Actor[alert]
	alerts   actor.Topic[alert]
	patience time.Duration

	written []atomic.Uint64 // the database: the last value of each

	reports, connected, silent, seen, failures atomic.Int64
}

func newGateway(devices uint64, idle time.Duration) *gateway {
	g := &gateway{patience: idle, written: make([]atomic.Uint64, devices)}
	g.devices = actor.NewGroup("devices", actor.GroupSpec[uint64, msg]{
		New: func(_ context.Context, self *actor.Actor[msg], id uint64) (actor.Handler[msg], error) {
			if id >= devices {
				return nil, fmt.Errorf("%w: there is no device %d", tend.ErrDoNotRestart, id)
			}
			return &device{gateway: g, self: self, id: id, last: math.Float64frombits(g.written[id].Load())}, nil
		},
		Actor: actor.Spec[msg]{Mailbox: 16},
		Idle:  idle,
	})
	g.operator = actor.New("operator", &actor.Spec[alert]{
		New: func(_ context.Context, self *actor.Actor[alert]) (actor.Handler[alert], error) {
			actor.Subscribe(&g.alerts, self, func(a alert) alert { return a })
			return actor.Func[alert](func(context.Context, alert) error { g.seen.Add(1); return nil }), nil
		},
		Mailbox: 10_000,
	})
	return g
}

// hear counts the failures of devices.
func (g *gateway) hear(e tend.Event) {
	if _, is := e.(tend.ServiceFailed); is {
		g.failures.Add(1)
	}
}
