package rfe

import (
	"net"
	"strconv"
	"strings"
)

// DefaultURL is the address of all services where nothing else is said.
const DefaultURL = "http://127.0.0.1:50051"

const addressHint = "write it like http://127.0.0.1:50051"

// endpoints are the addresses of the services.
type endpoints struct {
	ingest, metadata, scheduler, dlq, query string
}

// endpoints are looked up as: option of one service, variable of one service, option of all, variable of all.
func (s *settings) endpoints() endpoints {
	all := DefaultURL
	if value := s.lookup("RFE_URL"); value != "" {
		all = value
	}
	if s.url != nil {
		all = *s.url
	}
	one := func(option *string, name string) string {
		if option != nil {
			return *option
		}
		if value := s.lookup(name); value != "" {
			return value
		}
		return all
	}
	return endpoints{
		ingest:    all,
		metadata:  one(s.metadataURL, "RFE_METADATA_URL"),
		scheduler: one(s.schedulerURL, "RFE_SCHEDULER_URL"),
		dlq:       one(s.dlqURL, "RFE_DLQ_URL"),
		query:     one(s.queryURL, "RFE_QUERY_URL"),
	}
}

// address is a checked one.
type address struct {
	// url has scheme and no slash at its end.
	url string
	// target is host and port.
	target string
	secure bool
}

// parseAddress checks an address and gives it the scheme and port that it may lack.
func parseAddress(given string) (address, error) {
	wrong := func() (address, error) { return address{}, addressError(given, addressHint) }
	url := strings.TrimRight(strings.TrimSpace(given), "/")
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	rest, secure := strings.CutPrefix(url, "https://")
	if !secure {
		var plain bool
		if rest, plain = strings.CutPrefix(url, "http://"); !plain {
			return wrong()
		}
	}
	// `http://` alone has lost its slashes above.
	if rest == "" || strings.HasSuffix(rest, ":") || strings.ContainsAny(rest, "/?# ") {
		return wrong()
	}
	target, ok := withPort(rest, secure)
	if !ok {
		return wrong()
	}
	return address{url: url, target: target, secure: secure}, nil
}

func withPort(rest string, secure bool) (string, bool) {
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		port = "80"
		if secure {
			port = "443"
		}
		host, port, err = net.SplitHostPort(rest + ":" + port)
	}
	if err != nil || host == "" {
		return "", false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", false
	}
	return net.JoinHostPort(host, port), true
}
