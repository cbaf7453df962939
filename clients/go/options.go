package rfe

import (
	"os"
	"strings"
	"time"
)

// Option is a setting of a [Client].
type Option func(*settings)

type settings struct {
	url, metadataURL, schedulerURL, dlqURL, queryURL *string
	token                                            *string
	tls                                              tlsFiles
	env                                              func(string) string
	deadline                                         time.Duration
	connectTimeout                                   time.Duration
	retries                                          Backoff
}

func newSettings(options []Option) *settings {
	s := &settings{
		env:            os.Getenv,
		deadline:       30 * time.Second,
		connectTimeout: 5 * time.Second,
		retries:        Backoff{Attempts: 4, Base: 100 * time.Millisecond, Cap: 2 * time.Second},
	}
	for _, option := range options {
		option(s)
	}
	return s
}

// lookup reads a variable; one of blanks counts as unset.
func (s *settings) lookup(name string) string {
	value := s.env(name)
	if strings.TrimSpace(value) == "" {
		return ""
	}
	return value
}

// WithURL sets the address of all services, in place of RFE_URL. RFE_METADATA_URL and the others override it still.
func WithURL(url string) Option { return func(s *settings) { s.url = &url } }

// WithMetadataURL sets the address of sources, runs and datasets, in place of RFE_METADATA_URL.
func WithMetadataURL(url string) Option { return func(s *settings) { s.metadataURL = &url } }

// WithSchedulerURL sets the address of schedules, in place of RFE_SCHEDULER_URL.
func WithSchedulerURL(url string) Option { return func(s *settings) { s.schedulerURL = &url } }

// WithDLQURL sets the address of dead letters, in place of RFE_DLQ_URL.
func WithDLQURL(url string) Option { return func(s *settings) { s.dlqURL = &url } }

// WithQueryURL sets the address of SQL, in place of RFE_QUERY_URL.
func WithQueryURL(url string) Option { return func(s *settings) { s.queryURL = &url } }

// WithToken sets what is sent as `authorization: Bearer`, in place of RFE_TOKEN; an empty one sends none.
func WithToken(token string) Option { return func(s *settings) { s.token = &token } }

// WithTLSCA names a PEM file of authorities that `https://` addresses may be signed by, beside the system's; in place of
// RFE_TLS_CA.
func WithTLSCA(path string) Option { return func(s *settings) { s.tls.ca = path } }

// WithTLSClientCertificate names the PEM files of the certificate to show where a server wants one, and of its private key;
// in place of RFE_TLS_CLIENT_CERT and RFE_TLS_CLIENT_KEY.
func WithTLSClientCertificate(certificate, key string) Option {
	return func(s *settings) { s.tls.certificate, s.tls.key = certificate, key }
}

// WithEnv looks variables up by env instead of [os.Getenv]; an empty value counts as unset.
func WithEnv(env func(name string) string) Option { return func(s *settings) { s.env = env } }

// WithDeadline sets how long a call may take whose context has no deadline, its repetitions included; 30 s by default,
// 0 or less: as long as it takes.
func WithDeadline(deadline time.Duration) Option { return func(s *settings) { s.deadline = deadline } }

// WithConnectTimeout sets how long making a connection may take; 5 s by default.
func WithConnectTimeout(timeout time.Duration) Option {
	return func(s *settings) { s.connectTimeout = timeout }
}

// WithRetries sets how calls that are safe to repeat are repeated while a service is unavailable; by default 4 attempts,
// 0.1 s doubling up to 2 s.
func WithRetries(retries Backoff) Option { return func(s *settings) { s.retries = retries } }
