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

// MuteHealed has a run begin that nobody is to hear, and heals it before it is mute. It says
// whether it is heard then.
func MuteHealed(t testing.TB) (heard bool) {
	f := newFaults(t)
	v := newVictim(fault.Run{Path: "root/a", Service: 7, Number: 1}, nil)
	f.add(&rule{pattern: "root/a", effects: effects{mute: true}}, nil)
	f.begin(v)
	f.add(&rule{pattern: "root/a", heals: true}, nil)
	f.mute(v, func() { heard = true })
	return heard
}
