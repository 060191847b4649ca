package tendprom

import (
	"context"
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tend-go/tend"
)

// A collection of a tree of 100 supervisors with 100 services each, with and
// without series of services.
func BenchmarkCollect(b *testing.B) {
	root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	idle := func(context.Context) error { return nil }
	for i := range 100 {
		s := tend.New("s"+strconv.Itoa(i), tend.Spec{})
		for j := range 100 {
			s.Add(tend.Func("x"+strconv.Itoa(j), idle))
		}
		root.Add(s)
	}
	for name, o := range map[string]Options{
		"supervisors": {},
		"services":    {Services: func(tend.ServiceStatus) bool { return true }},
	} {
		b.Run(name, func(b *testing.B) {
			c := NewCollector(root, o)
			b.ReportAllocs()
			for b.Loop() {
				to := make(chan prometheus.Metric, 1024)
				go func() {
					c.Collect(to)
					close(to)
				}()
				for range to {
				}
			}
		})
	}
}
