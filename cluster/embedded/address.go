package embedded

import (
	"cmp"
	"net"
	"strconv"
)

// anywhere listens on all addresses, of IPv6 too where there are such.
const anywhere = "0.0.0.0"

// reached is where the clients of other machines reach this server.
func (o Options) reached() string {
	host, port, _ := split(o.Listen)
	if unspecified(host) {
		peer, _, _ := split(o.Peers[o.Name])
		host = cmp.Or(peer, "127.0.0.1")
	}
	return join(host, port)
}

// near is where this process reaches the server.
func (o Options) near() string {
	host, port, _ := split(o.Listen)
	if unspecified(host) {
		host = "127.0.0.1"
	}
	return join(host, port)
}

// listening is the address to listen at for what is reached at addr.
func listening(addr string) string {
	host, port, _ := split(addr)
	if !bindable(host) {
		host = anywhere
	}
	return join(host, port)
}

func split(addr string) (host string, port int, ok bool) {
	host, number, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, false
	}
	n, err := strconv.ParseUint(number, 10, 16)
	return host, int(n), err == nil
}

func join(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// bindable says that one can listen at the host: etcd does not look names up for that.
func bindable(host string) bool { return host == "localhost" || net.ParseIP(host) != nil }

func unspecified(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
