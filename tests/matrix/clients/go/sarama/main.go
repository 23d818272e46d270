// Sarama.
package main

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"

	"kafka-doorkeeper/matrix/steps"
)

func main() {
	steps.List(list)
	steps.Expect("produce", produce(steps.Topic))
	steps.Expect("consume", consume(steps.Group))
	if steps.DeniedTopic != "" {
		steps.ExpectDenial("denied write", sarama.ErrTopicAuthorizationFailed, produce(steps.DeniedTopic))
		steps.ExpectDenial("denied group", sarama.ErrGroupAuthorizationFailed, consume(steps.DeniedGroup))
	}
}

func config() (*sarama.Config, error) {
	made := sarama.NewConfig()
	// It believes what it is told about the broker, up to what it knows.
	version, err := sarama.ParseKafkaVersion(steps.BrokerVersion)
	if err != nil {
		return nil, err
	}
	if version.IsAtLeast(sarama.MaxVersion) {
		version = sarama.MaxVersion
	}
	made.Version = version
	made.ApiVersionsRequest = version.IsAtLeast(sarama.V0_10_0_0)
	made.Producer.Return.Successes = true
	made.Producer.RequiredAcks = sarama.WaitForAll
	made.Consumer.Offsets.Initial = sarama.OffsetOldest
	made.Consumer.Offsets.AutoCommit.Enable = false
	// It tries again and again what it is denied.
	made.Metadata.Retry.Max, made.Consumer.Group.Rebalance.Retry.Max = 1, 1
	if tls := steps.TLS(); tls != nil {
		made.Net.TLS.Enable, made.Net.TLS.Config = true, tls
	}
	if steps.SASL() {
		made.Net.SASL.Enable = true
		made.Net.SASL.User, made.Net.SASL.Password = steps.Username, steps.Password
		made.Net.SASL.Mechanism = sarama.SASLMechanism(steps.Mechanism)
		made.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &login{} }
	}
	return made, nil
}

func list(context.Context) ([]string, error) {
	settings, err := config()
	if err != nil {
		return nil, err
	}
	client, err := sarama.NewClient(steps.Bootstrap, settings)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Topics()
}

func produce(topic string) func(context.Context) error {
	return func(context.Context) error {
		settings, err := config()
		if err != nil {
			return err
		}
		producer, err := sarama.NewSyncProducer(steps.Bootstrap, settings)
		if err != nil {
			return err
		}
		defer producer.Close()
		for number := range steps.Messages {
			message := &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(steps.Value(number))}
			if _, _, err := producer.SendMessage(message); err != nil {
				return err
			}
		}
		return nil
	}
}

func consume(group string) func(context.Context) error {
	return func(ctx context.Context) error {
		settings, err := config()
		if err != nil {
			return err
		}
		client, err := sarama.NewClient(steps.Bootstrap, settings)
		if err != nil {
			return err
		}
		defer client.Close()
		member, err := sarama.NewConsumerGroupFromClient(group, client)
		if err != nil {
			return err
		}
		defer member.Close()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		reader := &reader{enough: cancel}
		if err := member.Consume(ctx, []string{steps.Topic}, reader); err != nil {
			return err
		}
		if err := steps.Check(reader.values); err != nil {
			return err
		}
		return committed(client, group)
	}
}

func committed(client sarama.Client, group string) error {
	manager, err := sarama.NewOffsetManagerFromClient(group, client)
	if err != nil {
		return err
	}
	defer manager.Close()
	partition, err := manager.ManagePartition(steps.Topic, 0)
	if err != nil {
		return err
	}
	defer partition.AsyncClose()
	if next, _ := partition.NextOffset(); next != int64(steps.Messages) {
		return fmt.Errorf("committed %d", next)
	}
	return nil
}

type reader struct {
	values []string
	enough context.CancelFunc
}

func (*reader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (r *reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message := <-claim.Messages():
			if message == nil {
				return nil
			}
			r.values = append(r.values, string(message.Value))
			session.MarkMessage(message, "")
			if len(r.values) == steps.Messages {
				session.Commit()
				r.enough()
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

// login makes xdg-go's SCRAM client what Sarama wants.
type login struct {
	conversation *scram.ClientConversation
}

func (l *login) Begin(user, password, authorization string) error {
	hash := scram.SHA256
	if steps.Mechanism == "SCRAM-SHA-512" {
		hash = scram.SHA512
	}
	client, err := hash.NewClient(user, password, authorization)
	if err != nil {
		return err
	}
	l.conversation = client.NewConversation()
	return nil
}

func (l *login) Step(challenge string) (string, error) { return l.conversation.Step(challenge) }
func (l *login) Done() bool                            { return l.conversation.Done() }
