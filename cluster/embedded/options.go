package embedded

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
)

// Options are the settings of a [Server].
type Options struct {
	// Dir is where the data is. Required. Without what is there all claims are forgotten,
	// and nodes refuse the engine. One server at a time may have it.
	Dir string
	// Listen is the address of clients, an IP address or localhost with a port. An empty
	// host or 0.0.0.0 is all addresses of the machine. Default "127.0.0.1:2379".
	Listen string
	// Name is which of the Peers this is. Default: the host's name; "tend" without Peers.
	Name string
	// Peers are the addresses, host:port, at which the voters reach each other, by name:
	// three or five, this one included. The same for all of them, and fixed from the first
	// start on. Default: this one is alone.
	Peers map[string]string
	// CertFile and KeyFile are this server's certificate and key, PEM. Required if an
	// address is beyond loopback. Default: no TLS.
	CertFile, KeyFile string
	// CAFile are the authorities, PEM, that must have signed the certificates of all clients
	// and peers. Default: clients need no certificate, and peers trust what the system does.
	CAFile string
	// Insecure allows addresses beyond loopback without certificates: everybody who reaches
	// them can end every claim.
	Insecure bool
	// Volatile does without fsync, so a crash of the machine may lose what was acknowledged,
	// and elects ten times as fast: for tests.
	Volatile bool
}

var names = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// complete fills in the defaults, and panics if the settings make no sense.
func (o Options) complete() Options {
	o.Listen = cmp.Or(o.Listen, "127.0.0.1:2379")
	if o.Name == "" && len(o.Peers) > 0 {
		o.Name, _ = os.Hostname()
	}
	o.Name = cmp.Or(o.Name, "tend")
	o.check()
	o.checkPeers()
	o.checkCertificates()
	return o
}

func (o Options) check() {
	host, port, ok := split(o.Listen)
	switch {
	case o.Dir == "":
		panic("tend/embedded: Options.Dir is empty")
	case !ok || host != "" && !bindable(host):
		panic(fmt.Sprintf("tend/embedded: Options.Listen is %q, which is no IP address with a port", o.Listen))
	case port == 0:
		panic(fmt.Sprintf("tend/embedded: Options.Listen is %q, and clients have to know the port", o.Listen))
	case !names.MatchString(o.Name):
		panic(fmt.Sprintf("tend/embedded: Options.Name is %q", o.Name))
	}
}

func (o Options) checkPeers() {
	if n := len(o.Peers); n == 0 {
		return
	} else if n != 3 && n != 5 {
		panic(fmt.Sprintf("tend/embedded: Options.Peers are %d, and voters are three or five", n))
	}
	if _, ok := o.Peers[o.Name]; !ok {
		panic(fmt.Sprintf("tend/embedded: Options.Name is %q, which is none of Options.Peers", o.Name))
	}
	seen := map[string]bool{}
	for name, addr := range o.Peers {
		host, port, ok := split(addr)
		switch {
		case !names.MatchString(name):
			panic(fmt.Sprintf("tend/embedded: a name in Options.Peers is %q", name))
		case !ok || port == 0 || unspecified(host):
			panic(fmt.Sprintf("tend/embedded: the address of %q in Options.Peers is %q, which is no host:port to reach it at", name, addr))
		case seen[addr]:
			panic(fmt.Sprintf("tend/embedded: two of Options.Peers have the address %q", addr))
		}
		seen[addr] = true
	}
}

func (o Options) checkCertificates() {
	switch {
	case (o.CertFile == "") != (o.KeyFile == ""):
		panic(fmt.Sprintf("tend/embedded: Options.CertFile is %q and KeyFile %q, and one is of no use without the other", o.CertFile, o.KeyFile))
	case o.CAFile != "" && !o.secure():
		panic(fmt.Sprintf("tend/embedded: Options.CAFile is %q, and there is no CertFile", o.CAFile))
	case o.secure() || o.Insecure:
		return
	}
	for _, addr := range append([]string{o.Listen}, o.addresses()...) {
		if host, _, _ := split(addr); !loopback(host) {
			panic(fmt.Sprintf("tend/embedded: %q is beyond loopback, and there are neither certificates nor Options.Insecure", addr))
		}
	}
}

// secure says that there is TLS.
func (o Options) secure() bool { return o.CertFile != "" }

func (o Options) addresses() (addrs []string) {
	for _, addr := range o.Peers {
		addrs = append(addrs, addr)
	}
	return addrs
}
