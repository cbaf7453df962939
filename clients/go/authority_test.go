package rfe_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	rfe "rfe.dev/clients/go"
	metadatav1 "rfe.dev/clients/go/gen/rfe/metadata/v1"
)

// authority signs certificates that only a test trusts.
type authority struct {
	folder      string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{folder: t.TempDir()}
	a.key, a.certificate = a.issue(t, "ca", &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.folder, name) }

// issue writes a certificate and its key as name.pem and name.key; the first one signs itself.
func (a *authority) issue(t *testing.T, name string, template *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject = pkix.Name{CommonName: name}
	template.NotAfter = time.Now().Add(time.Hour)
	parent, signer := template, key
	if a.certificate != nil {
		parent, signer = a.certificate, a.key
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	a.write(t, name+".pem", "CERTIFICATE", signed)
	a.write(t, name+".key", "PRIVATE KEY", private)
	certificate, err := x509.ParseCertificate(signed)
	must(t, err)
	return key, certificate
}

func (a *authority) write(t *testing.T, name, kind string, bytes []byte) {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes})
	must(t, os.WriteFile(a.path(name), text, 0o600))
}

// listen serves a platform over TLS that lets in who shows a certificate of the authority.
func (a *authority) listen(t *testing.T) string {
	t.Helper()
	a.issue(t, "server", &x509.Certificate{
		DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	pair, err := tls.LoadX509KeyPair(a.path("server.pem"), a.path("server.key"))
	must(t, err)
	clients := x509.NewCertPool()
	clients.AddCert(a.certificate)
	p := &platform{getSource: func(context.Context, string) (*metadatav1.GetSourceResponse, error) {
		return someSource, nil
	}}
	url := p.listen(t, grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
	})))
	return strings.Replace(url, "http://127.0.0.1", "https://localhost", 1)
}

func TestAnAuthorityOfAFileIsTrustedAndTheCertificateIsShown(t *testing.T) {
	a := newAuthority(t)
	url := a.listen(t)
	a.issue(t, "me", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	mine := rfe.WithTLSClientCertificate(a.path("me.pem"), a.path("me.key"))
	client := connect(t, url, rfe.WithTLSCA(a.path("ca.pem")), mine, rfe.WithToken("t0ken"))
	_, err := client.Source(t.Context(), "x")
	must(t, err)

	for name, options := range map[string][]rfe.Option{
		"no certificate":        {rfe.WithTLSCA(a.path("ca.pem"))},
		"an unknown authority":  {mine},
		"another one's, though": {rfe.WithTLSCA(newAuthority(t).path("ca.pem")), mine},
	} {
		_, err := connect(t, url, options...).Source(t.Context(), "x")
		if !errors.Is(err, rfe.ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
