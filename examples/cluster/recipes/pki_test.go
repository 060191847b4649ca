//go:build linux

package recipes

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
)

// pki signs certificates for a test.
type pki struct {
	t    *testing.T
	dir  string
	root *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	p := &pki{t: t, dir: t.TempDir()}
	p.root = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	p.key = p.newKey()
	p.write("ca.crt", "CERTIFICATE", p.sign(p.root, p.key))
	return p
}

func (p *pki) newKey() *ecdsa.PrivateKey {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	return key
}

func (p *pki) sign(c *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	p.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, p.root, &key.PublicKey, p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	return der
}

// files are those of who has this common name.
func (p *pki) files(name string) (ca, cert, key string) {
	p.t.Helper()
	own := p.newKey()
	der := p.sign(&x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, own)
	secret, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		p.t.Fatal(err)
	}
	return filepath.Join(p.dir, "ca.crt"), p.write(name+".crt", "CERTIFICATE", der), p.write(name+".key", "PRIVATE KEY", secret)
}

func (p *pki) write(name, kind string, der []byte) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// client is what a client with this common name shows.
func (p *pki) client(name string) *tls.Config {
	p.t.Helper()
	ca, cert, key := p.files(name)
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		p.t.Fatal(err)
	}
	authority, err := os.ReadFile(ca)
	if err != nil {
		p.t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	return &tls.Config{Certificates: []tls.Certificate{own}, RootCAs: trusted}
}
