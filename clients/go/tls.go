package rfe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"google.golang.org/grpc/codes"
)

const (
	settingCA          = "RFE_TLS_CA"
	settingCertificate = "RFE_TLS_CLIENT_CERT"
	settingKey         = "RFE_TLS_CLIENT_KEY"
)

// tlsFiles are PEM files for `https://` addresses; empty: none.
type tlsFiles struct {
	ca, certificate, key string
}

func (s *settings) tlsFiles() tlsFiles {
	files := s.tls
	if files.ca == "" {
		files.ca = s.lookup(settingCA)
	}
	if files.certificate == "" && files.key == "" {
		files.certificate, files.key = s.lookup(settingCertificate), s.lookup(settingKey)
	}
	return files
}

// config trusts the system's authorities and those of the files, and shows the certificate if there is one.
func (f tlsFiles) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if err := f.trust(config); err != nil {
		return nil, err
	}
	if err := f.identify(config); err != nil {
		return nil, err
	}
	return config, nil
}

func (f tlsFiles) trust(config *tls.Config) error {
	if f.ca == "" {
		return nil
	}
	pem, err := readFile(settingCA, f.ca)
	if err != nil {
		return err
	}
	// A system without authorities of its own, such as a small container, is no obstacle where others are named.
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return fileError(settingCA, f.ca, "holds no certificate in PEM form")
	}
	config.RootCAs = pool
	return nil
}

func (f tlsFiles) identify(config *tls.Config) error {
	switch {
	case f.certificate == "" && f.key == "":
		return nil
	case f.key == "":
		return fileError(settingCertificate, f.certificate, "needs "+settingKey+" beside it")
	case f.certificate == "":
		return fileError(settingKey, f.key, "needs "+settingCertificate+" beside it")
	}
	certificate, err := readFile(settingCertificate, f.certificate)
	if err != nil {
		return err
	}
	key, err := readFile(settingKey, f.key)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return fileError(settingCertificate, f.certificate, err.Error())
	}
	config.Certificates = []tls.Certificate{pair}
	return nil
}

func readFile(setting, path string) ([]byte, error) {
	bytes, err := os.ReadFile(path)
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	if err != nil {
		return nil, fileError(setting, path, err.Error())
	}
	return bytes, nil
}

func fileError(setting, path, reason string) error {
	return &Error{Code: codes.InvalidArgument, Message: fmt.Sprintf("%s: %s: %s", setting, path, reason)}
}
