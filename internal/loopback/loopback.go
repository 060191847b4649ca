// Package loopback tells what only the machine itself can reach, and under which
// names it may be asked for there.
//
// To listen at a loopback address is not enough to keep strangers out. A page of a
// foreign site can make a browser on this machine send requests here, by having its
// own name point to this address (DNS rebinding). To the browser they are requests
// to that site, so it lets the page read the answers. But they are for that name,
// and their Host header says so.
package loopback

import (
	"net"
	"net/netip"
	"strings"
)

// IsAddr reports whether only this machine can reach an address.
func IsAddr(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// IsHost reports whether the value of a Host header is a loopback address or
// localhost, which no foreign site can be called. Names below localhost are not
// among them: a browser that asks DNS for those believes whoever answers.
func IsHost(host string) bool {
	if addr, err := netip.ParseAddr(bare(host)); err == nil {
		return addr.IsLoopback()
	}
	return Hostname(host) == "localhost"
}

// Hostname is what names in Host headers are compared by: without the port, in
// lower case, without a dot at the end.
func Hostname(host string) string {
	return strings.TrimSuffix(strings.ToLower(bare(host)), ".")
}

// bare is host without a port, and without the brackets of an IPv6 address.
func bare(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		return host[1 : len(host)-1]
	}
	return host
}
