// kafka-go.
package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"kafka-doorkeeper/matrix/steps"
)

func main() {
	steps.List(list)
	steps.Expect("produce", produce(steps.Topic))
	steps.Expect("consume", consume(steps.Group))
	if steps.DeniedTopic != "" {
		// It leaves topics with an error out of its list, and does not find them there.
		steps.ExpectDenial("denied write", kafka.UnknownTopicOrPartition, produce(steps.DeniedTopic))
		steps.ExpectDenial("denied group", kafka.GroupAuthorizationFailed, consume(steps.DeniedGroup))
	}
}

func mechanism() (sasl.Mechanism, error) {
	switch {
	case !steps.SASL():
		return nil, nil
	case steps.Mechanism == "PLAIN":
		return plain.Mechanism{Username: steps.Username, Password: steps.Password}, nil
	case steps.Mechanism == "SCRAM-SHA-512":
		return scram.Mechanism(scram.SHA512, steps.Username, steps.Password)
	default:
		return scram.Mechanism(scram.SHA256, steps.Username, steps.Password)
	}
}

func dialer() (*kafka.Dialer, error) {
	login, err := mechanism()
	return &kafka.Dialer{Timeout: steps.Wait, TLS: steps.TLS(), SASLMechanism: login, DualStack: true}, err
}

func list(ctx context.Context) ([]string, error) {
	dial, err := dialer()
	if err != nil {
		return nil, err
	}
	connection, err := dial.DialContext(ctx, "tcp", steps.Bootstrap[0])
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	partitions, err := connection.ReadPartitions()
	names := make(map[string]bool)
	for _, partition := range partitions {
		names[partition.Topic] = true
	}
	var topics []string
	for name := range names {
		topics = append(topics, name)
	}
	return topics, err
}

func produce(topic string) func(context.Context) error {
	return func(ctx context.Context) error {
		login, err := mechanism()
		if err != nil {
			return err
		}
		transport := &kafka.Transport{TLS: steps.TLS(), SASL: login}
		defer transport.CloseIdleConnections()
		writer := &kafka.Writer{
			Addr:         kafka.TCP(steps.Bootstrap...),
			Topic:        topic,
			RequiredAcks: kafka.RequireAll,
			BatchSize:    steps.Messages,
			MaxAttempts:  3,
			Transport:    transport,
		}
		defer writer.Close()
		var messages []kafka.Message
		for number := range steps.Messages {
			messages = append(messages, kafka.Message{Value: []byte(steps.Value(number))})
		}
		err = writer.WriteMessages(ctx, messages...)
		var each kafka.WriteErrors
		if errors.As(err, &each) {
			return each[0]
		}
		return err
	}
}

// consume reports what the reader only logs: it tries again for ever what it may not do.
func consume(group string) func(context.Context) error {
	return func(ctx context.Context) error {
		dial, err := dialer()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var mutex sync.Mutex
		var logged error
		reader := kafka.NewReader(kafka.ReaderConfig{
			Brokers: steps.Bootstrap, GroupID: group, Topic: steps.Topic, Dialer: dial, StartOffset: kafka.FirstOffset,
			ErrorLogger: kafka.LoggerFunc(func(format string, values ...any) {
				for _, value := range values {
					if err, ok := value.(error); ok && errors.Is(err, kafka.GroupAuthorizationFailed) {
						mutex.Lock()
						logged = err
						mutex.Unlock()
						cancel()
					}
				}
			}),
		})
		defer reader.Close()
		var values []string
		for len(values) < steps.Messages {
			message, err := reader.FetchMessage(ctx)
			if err != nil {
				mutex.Lock()
				defer mutex.Unlock()
				return errors.Join(logged, err)
			}
			values = append(values, string(message.Value))
			if err := reader.CommitMessages(ctx, message); err != nil {
				return err
			}
		}
		if err := steps.Check(values); err != nil {
			return err
		}
		return committed(ctx, group)
	}
}

func committed(ctx context.Context, group string) error {
	login, err := mechanism()
	if err != nil {
		return err
	}
	client := &kafka.Client{Addr: kafka.TCP(steps.Bootstrap...), Transport: &kafka.Transport{TLS: steps.TLS(), SASL: login}}
	answer, err := client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
		GroupID: group, Topics: map[string][]int{steps.Topic: {0}},
	})
	if err != nil {
		return err
	}
	if next := answer.Topics[steps.Topic][0].CommittedOffset; next != int64(steps.Messages) {
		return fmt.Errorf("committed %d", next)
	}
	return nil
}
