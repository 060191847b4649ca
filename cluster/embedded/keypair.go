package embedded

import (
	"crypto/tls"
	"errors"
)

// A keyPair is a certificate with its key, in files that may be replaced at any time.
type keyPair struct{ cert, key string }

func (k keyPair) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(k.cert, k.key)
	return &pair, err
}

var errStranger = errors.New("tend/embedded: who answers has another certificate than this server")

// config is of a client that shows the certificate, and takes only the server that does.
// That is more than to check who signed it, and does not depend on the name in it, which
// may not be that of loopback.
func (k keyPair) config() *tls.Config {
	return &tls.Config{
		MinVersion:           tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return k.load() },
		InsecureSkipVerify:   true, // VerifyConnection does more
		VerifyConnection: func(c tls.ConnectionState) error {
			own, err := k.load()
			if err != nil {
				return err
			}
			if !c.PeerCertificates[0].Equal(own.Leaf) {
				return errStranger
			}
			return nil
		},
	}
}
