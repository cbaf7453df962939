package rfe

import (
	"errors"
	"testing"
)

func environment(values map[string]string) Option {
	return WithEnv(func(name string) string { return values[name] })
}

func looked(options ...Option) endpoints { return newSettings(options).endpoints() }

func single(url string) endpoints { return endpoints{url, url, url, url, url} }

func TestOneAddressIsThatOfAllServicesUnlessOneIsOverridden(t *testing.T) {
	at := single("http://a:1")
	at.query = "http://q:2"
	for _, c := range []struct {
		name         string
		seen, wanted endpoints
	}{
		{"nothing set", looked(environment(nil)), single(DefaultURL)},
		{"blank", looked(environment(map[string]string{"RFE_URL": " "})), single(DefaultURL)},
		{"one overridden, one empty", looked(environment(map[string]string{
			"RFE_URL": "http://a:1", "RFE_QUERY_URL": "http://q:2", "RFE_DLQ_URL": "",
		})), at},
	} {
		if c.seen != c.wanted {
			t.Errorf("%s: %v, not %v", c.name, c.seen, c.wanted)
		}
	}
}

func TestAnURLTakesThePlaceOfRFEURLAloneAndAnOptionOfOneServiceBeatsAll(t *testing.T) {
	env := environment(map[string]string{
		"RFE_URL": "http://a:1", "RFE_METADATA_URL": "http://m:2", "RFE_SCHEDULER_URL": "http://s:3",
		"RFE_DLQ_URL": "http://d:4", "RFE_QUERY_URL": "http://q:5",
	})
	seen := looked(env, WithURL("http://b:1"))
	wanted := endpoints{"http://b:1", "http://m:2", "http://s:3", "http://d:4", "http://q:5"}
	if seen != wanted {
		t.Errorf("%v, not %v", seen, wanted)
	}
	seen = looked(env, WithMetadataURL("m"), WithSchedulerURL("s"), WithDLQURL("d"), WithQueryURL("q"))
	if wanted = (endpoints{"http://a:1", "m", "s", "d", "q"}); seen != wanted {
		t.Errorf("%v, not %v", seen, wanted)
	}
}

func TestAnAddressMayLackSchemeAndPort(t *testing.T) {
	for given, wanted := range map[string]address{
		"127.0.0.1:50051/":         {"http://127.0.0.1:50051", "127.0.0.1:50051", false},
		" https://rfe.example/ ":   {"https://rfe.example", "rfe.example:443", true},
		"http://rfe.example":       {"http://rfe.example", "rfe.example:80", false},
		"http://[::1]:50051":       {"http://[::1]:50051", "[::1]:50051", false},
		"https://[::1]":            {"https://[::1]", "[::1]:443", true},
		"https://rfe.example:8443": {"https://rfe.example:8443", "rfe.example:8443", true},
	} {
		if seen, err := parseAddress(given); err != nil || seen != wanted {
			t.Errorf("%q: %v, %v", given, seen, err)
		}
	}
}

func TestAddressesThatCanNotWorkAreRefusedAtOnce(t *testing.T) {
	for _, wrong := range []string{
		"", "http://", "https://", "ftp://a", "http://a b", "http://a/path", "http://a:", "http://:1", "http://a:b",
		"http://a:70000", "http://a?b", "http://a:1:2",
	} {
		_, err := New(environment(nil), WithURL(wrong))
		wanted := "`" + wrong + "` is no address of a service: write it like http://127.0.0.1:50051"
		if !errors.Is(err, ErrInvalidArgument) || err.Error() != wanted {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	_, err := New(environment(map[string]string{"RFE_DLQ_URL": "ftp://a"}))
	if !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("an address of one service: %v", err)
	}
}
