package loopback

import (
	"net"
	"testing"
)

func TestIsHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost":               true,
		"localhost:6060":          true,
		"localhost:":              true,
		"LocalHost:6060":          true,
		"localhost.":              true,
		"LOCALHOST.:6060":         true,
		"127.0.0.1":               true,
		"127.0.0.1:6060":          true,
		"127.9.9.9:80":            true,
		"::1":                     true,
		"[::1]":                   true,
		"[::1]:6060":              true,
		"[0:0:0:0:0:0:0:1]:6060":  true,
		"[::ffff:127.0.0.1]:6060": true,

		"":      false,
		":6060": false,
		".":     false,

		// Names that somebody may own.
		"example.com":           false,
		"example.com:6060":      false,
		"notlocalhost":          false,
		"localhost.example.com": false,
		"127.0.0.1.example.com": false,
		"localhost.localdomain": false,

		// Names that nobody owns, but whoever answers a browser's question for
		// them does.
		"a.localhost":       false,
		"a.localhost:6060":  false,
		".localhost":        false,
		"a.localhost.:6060": false,

		// Addresses of others, or of all.
		"10.0.0.1:6060":        false,
		"0.0.0.0:6060":         false,
		"[::]:6060":            false,
		"[2001:db8::1]:6060":   false,
		"[::ffff:10.0.0.1]:80": false,

		// What no browser writes: it sends the address as it understood it.
		"127.0.0.1.":          false,
		"127.0.0.1.:6060":     false,
		"127.1":               false,
		"2130706433":          false,
		"0x7f.0.0.1":          false,
		"127.0.0.1.1":         false,
		"[::1":                false,
		"::1]":                false,
		"[::1].example.com":   false,
		"localhost..":         false,
		"user@localhost":      false,
		"localhost:80:80":     false,
		"localhost/":          false,
		" localhost":          false,
		"evil.com\nlocalhost": false,
	} {
		if got := IsHost(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}

func TestHostname(t *testing.T) {
	for host, want := range map[string]string{
		"ops.example.com": "ops.example.com", "Ops.Example.COM.:443": "ops.example.com",
		"[2001:DB8::1]:80": "2001:db8::1", "[2001:db8::1]": "2001:db8::1", "*": "*", "": "", ":80": "",
	} {
		if got := Hostname(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}

func TestIsAddr(t *testing.T) {
	for ip, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"0.0.0.0": false, "::": false, "10.0.0.1": false,
	} {
		if got := IsAddr(&net.TCPAddr{IP: net.ParseIP(ip)}); got != want {
			t.Errorf("%s: %v, want %v", ip, got, want)
		}
	}
	if IsAddr(&net.UnixAddr{Name: "/run/x", Net: "unix"}) || IsAddr(nil) {
		t.Error("what is no TCP address is loopback")
	}
}
