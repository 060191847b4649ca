package embedded_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend/cluster/embedded"
)

func trio(host string) map[string]string {
	return map[string]string{"a": host + ":1", "b": host + ":2", "c": host + ":3"}
}

// Settings that make no sense panic with the value that is wrong.
func TestMisusePanics(t *testing.T) {
	four := trio("127.0.0.1")
	four["d"] = "127.0.0.1:4"
	twice := trio("127.0.0.1")
	twice["b"] = twice["a"]
	for want, o := range map[string]embedded.Options{
		"Dir is empty":                          {},
		`Listen is "here"`:                      {Dir: "d", Listen: "here"},
		`Listen is "etcd:2379"`:                 {Dir: "d", Listen: "etcd:2379"},
		`Listen is "127.0.0.1:http"`:            {Dir: "d", Listen: "127.0.0.1:http"},
		`Listen is "127.0.0.1:0"`:               {Dir: "d", Listen: "127.0.0.1:0"},
		`Name is "a=b"`:                         {Dir: "d", Name: "a=b"},
		"Peers are 4":                           {Dir: "d", Name: "a", Peers: four},
		"Peers are 1":                           {Dir: "d", Name: "a", Peers: map[string]string{"a": "127.0.0.1:1"}},
		`Name is "d", which is none`:            {Dir: "d", Name: "d", Peers: trio("127.0.0.1")},
		`in Options.Peers is "a,b"`:             {Dir: "d", Name: "a", Peers: map[string]string{"a": "h:1", "a,b": "h:2", "c": "h:3"}, Insecure: true},
		`Peers is "0.0.0.0:1"`:                  {Dir: "d", Name: "a", Peers: map[string]string{"a": "0.0.0.0:1", "b": "h:2", "c": "h:3"}, Insecure: true},
		`Peers is "h"`:                          {Dir: "d", Name: "a", Peers: map[string]string{"a": "h", "b": "h:2", "c": "h:3"}, Insecure: true},
		`two of Options.Peers have the address`: {Dir: "d", Name: "a", Peers: twice},
		`KeyFile ""`:                            {Dir: "d", CertFile: "c"},
		`CAFile is "ca"`:                        {Dir: "d", CAFile: "ca"},
		`"0.0.0.0:2379" is beyond loopback`:     {Dir: "d", Listen: "0.0.0.0:2379"},
		`":2379" is beyond loopback`:            {Dir: "d", Listen: ":2379"},
		`"192.0.2.1:2379" is beyond loopback`:   {Dir: "d", Listen: "192.0.2.1:2379"},
		`is beyond loopback, and there are nei`: {Dir: "d", Name: "a", Peers: trio("etcd")},
	} {
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.HasPrefix(r, "tend/embedded: ") || !strings.Contains(r, want) {
					t.Errorf("want %q, got %s", want, r)
				}
			}()
			embedded.New(o)
		}()
	}
}

// Where a server listens, and where it is reached.
func TestAddresses(t *testing.T) {
	type where struct{ listen, reached, peers, own string }
	of := func(o embedded.Options) (w where) {
		o.Dir = "d"
		w.listen, w.reached, w.peers, w.own = o.Addresses()
		return w
	}
	for _, tt := range []struct {
		what string
		o    embedded.Options
		want where
	}{
		{"alone", embedded.Options{}, where{"http://127.0.0.1:2379", "http://127.0.0.1:2379", "http://127.0.0.1:0", "http://127.0.0.1:0"}},
		{
			"by name, with certificates",
			embedded.Options{Name: "b", Peers: trio("etcd"), Listen: ":9", CertFile: "c", KeyFile: "k"},
			where{"https://0.0.0.0:9", "https://etcd:9", "https://0.0.0.0:2", "https://etcd:2"},
		},
		{
			"by name, clients on loopback",
			embedded.Options{Name: "b", Peers: trio("etcd"), Insecure: true},
			where{"http://127.0.0.1:2379", "http://127.0.0.1:2379", "http://0.0.0.0:2", "http://etcd:2"},
		},
		{
			"by IP address",
			embedded.Options{Name: "b", Peers: trio("192.0.2.1"), Listen: "192.0.2.1:9", Insecure: true},
			where{"http://192.0.2.1:9", "http://192.0.2.1:9", "http://192.0.2.1:2", "http://192.0.2.1:2"},
		},
		{"IPv6", embedded.Options{Listen: "[::1]:9"}, where{"http://[::1]:9", "http://[::1]:9", "http://127.0.0.1:0", "http://127.0.0.1:0"}},
	} {
		if d := cmp.Diff(tt.want, of(tt.o), cmp.AllowUnexported(where{})); d != "" {
			t.Error(tt.what, d)
		}
	}
}
