package embedded_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tend-go/tend/cluster/embedded"
)

// An authority signs certificates for servers on loopback.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	template := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.key = newKey(t)
	der := a.sign(template, template, a.key, a.key)
	a.cert, _ = x509.ParseCertificate(der)
	a.write("ca.crt", "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(c, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
	a.t.Helper()
	c.SerialNumber, _ = rand.Int(rand.Reader, big.NewInt(1<<62))
	c.Subject = pkix.Name{CommonName: "test"}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

func (a *authority) write(name, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// issue writes a new certificate over the last.
func (a *authority) issue() {
	a.t.Helper()
	key := newKey(a.t)
	der := a.sign(&x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, key, a.key)
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write("tls.crt", "CERTIFICATE", der)
	a.write("tls.key", "EC PRIVATE KEY", secret)
}

// certify has a server use what the authority issues.
func (a *authority) certify(o *embedded.Options) {
	a.t.Helper()
	a.issue()
	o.CertFile, o.KeyFile, o.CAFile = filepath.Join(a.dir, "tls.crt"), filepath.Join(a.dir, "tls.key"), filepath.Join(a.dir, "ca.crt")
}

// config is of a client of this authority's servers. certs is what it shows.
func (a *authority) config(certs ...tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, Certificates: certs}
}

// pair is the certificate that was issued last.
func (a *authority) pair() tls.Certificate {
	a.t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(a.dir, "tls.crt"), filepath.Join(a.dir, "tls.key"))
	if err != nil {
		a.t.Fatal(err)
	}
	return pair
}

// refusal is the alert that a server answers a connection with.
func refusal(t *testing.T, addr string, c *tls.Config) string {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, c)
	if err != nil {
		t.Fatal(err) // in TLS 1.3 the client learns of it later
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(enough))
	_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: etcd\r\n\r\n"))
	if _, err = conn.Read(make([]byte, 1)); err != nil {
		return err.Error()
	}
	return "taken"
}
