package tendtest

import (
	"testing"

	"github.com/tend-go/tend"
)

// Laws are those that TestService tries, by their names, each in the bubble of the caller.
func Laws() map[string]func(testing.TB, func() tend.Service) {
	all := map[string]func(testing.TB, func() tend.Service){}
	for _, r := range rules {
		all[r.name] = r.try
	}
	return all
}
