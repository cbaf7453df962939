package rfe

import (
	"strings"
	"testing"
)

func TestAFileThatCanNotServeIsNamedWithItsSetting(t *testing.T) {
	for _, c := range []struct {
		values map[string]string
		wanted []string
	}{
		{map[string]string{"RFE_TLS_CA": "/nowhere/ca.pem"}, []string{"RFE_TLS_CA: /nowhere/ca.pem: no such file"}},
		{map[string]string{"RFE_TLS_CA": "go.mod"}, []string{"RFE_TLS_CA: go.mod: holds no certificate in PEM form"}},
		{map[string]string{"RFE_TLS_CLIENT_CERT": "me.pem"}, []string{"RFE_TLS_CLIENT_CERT: me.pem: needs RFE_TLS_CLIENT_KEY"}},
		{map[string]string{"RFE_TLS_CLIENT_KEY": "me.key"}, []string{"RFE_TLS_CLIENT_KEY: me.key: needs RFE_TLS_CLIENT_CERT"}},
		{
			map[string]string{"RFE_TLS_CLIENT_CERT": "go.mod", "RFE_TLS_CLIENT_KEY": "go.sum"},
			[]string{"RFE_TLS_CLIENT_CERT: go.mod: ", "PEM"},
		},
	} {
		_, err := New(environment(c.values), WithURL("https://127.0.0.1:1"))
		for _, wanted := range c.wanted {
			if err == nil || !strings.Contains(err.Error(), wanted) {
				t.Errorf("%v: %v", c.values, err)
			}
		}
	}
}

func TestFilesOfTLSComeFromTheEnvironmentUnlessOptionsNameOthers(t *testing.T) {
	env := environment(map[string]string{
		"RFE_TLS_CA": "ca", "RFE_TLS_CLIENT_CERT": "cert", "RFE_TLS_CLIENT_KEY": "key",
	})
	if seen := newSettings([]Option{env}).tlsFiles(); seen != (tlsFiles{"ca", "cert", "key"}) {
		t.Errorf("%v", seen)
	}
	own := newSettings([]Option{env, WithTLSCA("own"), WithTLSClientCertificate("me", "mine")}).tlsFiles()
	if own != (tlsFiles{"own", "me", "mine"}) {
		t.Errorf("%v", own)
	}
}

func TestPlainAddressesNeedNoFileOfTLS(t *testing.T) {
	client, err := New(environment(map[string]string{"RFE_TLS_CA": "/nowhere/ca.pem"}), WithURL("http://127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
}
