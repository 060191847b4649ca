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

// Begin has runs begin of which none ends.
func Begin(t testing.TB, runs ...fault.Run) {
	f := newFaults(t)
	for _, r := range runs {
		f.begin(newVictim(r, nil))
	}
}
