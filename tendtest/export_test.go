package tendtest

import (
	"testing"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/fault"
)

// Laws are those that TestService tries, by their names, each in the bubble of the caller.
func Laws() map[string]func(testing.TB, func() tend.Service) {
	all := map[string]func(testing.TB, func() tend.Service){}
	for _, r := range rules {
		all[r.name] = r.try
	}
	return all
}

// TwoRuns has a service run twice at once, which no tree does.
func TwoRuns(t testing.TB) {
	f := newFaults(t)
	first := newVictim(fault.Run{Path: "root/a", Service: 7, Number: 1}, nil)
	f.begin(first)
	f.begin(newVictim(fault.Run{Path: "root/b", Service: 8, Number: 1}, nil))
	f.begin(newVictim(fault.Run{Path: "root/a", Service: 7, Number: 2}, nil))
	f.end(first)
}
