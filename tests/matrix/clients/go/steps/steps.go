// Package steps is what the Go clients share: their settings, and one line of JSON for each step.
package steps

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

var (
	Bootstrap     = strings.Split(os.Getenv("BOOTSTRAP"), ",")
	BrokerVersion = os.Getenv("BROKER_VERSION")
	Security      = os.Getenv("SECURITY")
	Mechanism     = os.Getenv("MECHANISM")
	Username      = os.Getenv("USERNAME")
	Password      = os.Getenv("PASSWORD")
	Topic         = os.Getenv("TOPIC")
	Group         = os.Getenv("GROUP")
	DeniedTopic   = os.Getenv("DENIED_TOPIC")
	DeniedGroup   = os.Getenv("DENIED_GROUP")
	Messages      = number("MESSAGES")
	Wait          = time.Duration(number("WAIT_S")) * time.Second
)

type line struct {
	Step   string    `json:"step"`
	OK     bool      `json:"ok"`
	Error  string    `json:"error,omitempty"`
	Topics *[]string `json:"topics,omitempty"`
}

// List expects the step to name the topic among others.
func List(step func(context.Context) ([]string, error)) {
	var topics []string
	err := inTime(func(ctx context.Context) (err error) {
		topics, err = step(ctx)
		return err
	})
	for _, topic := range topics {
		if err == nil && topic == Topic {
			tell(line{Step: "list", OK: true, Topics: &topics})
			return
		}
	}
	tell(line{Step: "list", Error: fmt.Sprintf("listed %v: %v", topics, err)})
}

// Expect the step to do what it should.
func Expect(name string, step func(context.Context) error) {
	if err := inTime(step); err != nil {
		tell(line{Step: name, Error: err.Error()})
		return
	}
	tell(line{Step: name, OK: true})
}

// ExpectDenial expects the step to be refused with this error.
func ExpectDenial(name string, denial error, step func(context.Context) error) {
	err := inTime(step)
	if err == nil {
		tell(line{Step: name, Error: "it was allowed"})
		return
	}
	tell(line{Step: name, OK: errors.Is(err, denial), Error: err.Error()})
}

// Value of the message with this number.
func Value(number int) string {
	return fmt.Sprintf("message %d", number)
}

// Check that these are the messages that were sent.
func Check(values []string) error {
	if len(values) != Messages || values[0] != Value(0) {
		return fmt.Errorf("received %v", values)
	}
	return nil
}

// TLS settings, nil for a plaintext connection.
func TLS() *tls.Config {
	if Security == "PLAINTEXT" {
		return nil
	}
	pem, err := os.ReadFile(os.Getenv("CA"))
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if Security == "SSL" {
		pair, err := tls.LoadX509KeyPair(os.Getenv("CERTIFICATE"), os.Getenv("KEY"))
		must(err)
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

// SASL tells whether the client logs in.
func SASL() bool {
	return strings.HasPrefix(Security, "SASL")
}

// inTime ends a step whose library waits without end, whatever it makes of the context.
func inTime(step func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), Wait)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- step(ctx) }()
	select {
	case err := <-done:
		return err
	case <-time.After(Wait + time.Second):
		return errors.New("no end in time")
	}
}

func tell(told line) {
	must(json.NewEncoder(os.Stdout).Encode(told))
}

func number(name string) int {
	value, err := strconv.Atoi(os.Getenv(name))
	must(err)
	return value
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
