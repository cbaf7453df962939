package rfe

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

const (
	maxMessageBytes = 64 << 20
	maxFlightBytes  = 256 << 20
	userAgent       = "rfe-go/" + Version
)

// dialer makes one connection an address.
type dialer struct {
	settings    *settings
	tls         tlsFiles
	token       string
	connections map[string]*grpc.ClientConn
}

// service is one address and how it is called.
type service struct {
	url        string
	connection *grpc.ClientConn
	deadline   time.Duration
	retries    Backoff
}

func (d *dialer) service(url string) (*service, error) {
	at, err := parseAddress(url)
	if err != nil {
		return nil, err
	}
	connection, err := d.connection(at)
	if err != nil {
		return nil, err
	}
	return &service{
		url:        at.url,
		connection: connection,
		deadline:   d.settings.deadline,
		retries:    d.settings.retries,
	}, nil
}

func (d *dialer) connection(at address) (*grpc.ClientConn, error) {
	if connection, ok := d.connections[at.url]; ok {
		return connection, nil
	}
	options, err := d.options(at)
	if err != nil {
		return nil, err
	}
	connection, err := grpc.NewClient("dns:///"+at.target, options...)
	if err != nil {
		return nil, addressError(at.url, err.Error())
	}
	d.connections[at.url] = connection
	return connection, nil
}

func (d *dialer) options(at address) ([]grpc.DialOption, error) {
	security := insecure.NewCredentials()
	if at.secure {
		config, err := d.tls.config()
		if err != nil {
			return nil, err
		}
		security = credentials.NewTLS(config)
	}
	// Connections are tried again as often as calls are; the repetition of calls is decided here, not by a name server.
	reconnect := backoff.Config{BaseDelay: d.settings.retries.Base, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(security),
		grpc.WithUserAgent(userAgent),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithNoProxy(),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: d.settings.connectTimeout}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, PermitWithoutStream: true}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes)),
		grpc.WithUnaryInterceptor(typedErrors(at.url)),
		grpc.WithStreamInterceptor(typedStreamErrors(at.url)),
	}
	if d.token != "" {
		options = append(options, grpc.WithPerRPCCredentials(&bearer{header: "Bearer " + d.token}))
	}
	return options, nil
}

func (d *dialer) close() {
	for _, connection := range d.connections {
		connection.Close()
	}
}

// bearer is the token on each call.
type bearer struct{ header string }

func (b *bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": b.header}, nil
}

// RequireTransportSecurity is false: on loopback the platform speaks no TLS.
func (*bearer) RequireTransportSecurity() bool { return false }

func (s *settings) checkedToken() (string, error) {
	token := s.lookup("RFE_TOKEN")
	if s.token != nil {
		token = *s.token
	}
	token = strings.TrimSpace(token)
	for _, character := range []byte(token) {
		if character < ' ' || character > '~' {
			return "", &Error{
				Code:    codes.InvalidArgument,
				Message: "the token can't be sent: it has characters that a header can't have",
			}
		}
	}
	return token, nil
}
