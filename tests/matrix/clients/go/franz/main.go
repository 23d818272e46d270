// franz-go.
package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"kafka-doorkeeper/matrix/steps"
)

func main() {
	steps.List(list)
	steps.Expect("produce", produce(steps.Topic))
	steps.Expect("consume", consume(steps.Group))
	if steps.DeniedTopic != "" {
		steps.ExpectDenial("denied write", kerr.TopicAuthorizationFailed, produce(steps.DeniedTopic))
		steps.ExpectDenial("denied group", kerr.GroupAuthorizationFailed, consume(steps.DeniedGroup))
	}
}

func client(more ...kgo.Opt) (*kgo.Client, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(steps.Bootstrap...),
		// It would ask for a producer id first, which needs Write on some topic (KIP-679).
		kgo.DisableIdempotentWrite(),
		kgo.RetryTimeout(steps.Wait),
	}
	if config := steps.TLS(); config != nil {
		options = append(options, kgo.DialTLSConfig(config))
	}
	if steps.SASL() {
		login := scram.Auth{User: steps.Username, Pass: steps.Password}
		switch steps.Mechanism {
		case "PLAIN":
			options = append(options, kgo.SASL(plain.Auth{User: login.User, Pass: login.Pass}.AsMechanism()))
		case "SCRAM-SHA-256":
			options = append(options, kgo.SASL(login.AsSha256Mechanism()))
		case "SCRAM-SHA-512":
			options = append(options, kgo.SASL(login.AsSha512Mechanism()))
		}
	}
	return kgo.NewClient(append(options, more...)...)
}

func list(ctx context.Context) ([]string, error) {
	made, err := client()
	if err != nil {
		return nil, err
	}
	defer made.Close()
	topics, err := kadm.NewClient(made).ListTopics(ctx)
	return topics.Names(), err
}

func produce(topic string) func(context.Context) error {
	return func(ctx context.Context) error {
		made, err := client()
		if err != nil {
			return err
		}
		defer made.Close()
		for number := range steps.Messages {
			record := &kgo.Record{Topic: topic, Value: []byte(steps.Value(number))}
			if err := made.ProduceSync(ctx, record).FirstErr(); err != nil {
				return err
			}
		}
		return nil
	}
}

func consume(group string) func(context.Context) error {
	return func(ctx context.Context) error {
		made, err := client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(steps.Topic), kgo.DisableAutoCommit())
		if err != nil {
			return err
		}
		defer made.Close()
		var values []string
		for len(values) < steps.Messages {
			fetches := made.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				return err
			}
			fetches.EachRecord(func(record *kgo.Record) { values = append(values, string(record.Value)) })
		}
		if err := steps.Check(values); err != nil {
			return err
		}
		if err := made.CommitUncommittedOffsets(ctx); err != nil {
			return err
		}
		offsets, err := kadm.NewClient(made).FetchOffsets(ctx, group)
		if offset, found := offsets.Lookup(steps.Topic, 0); err == nil && (!found || offset.At != int64(steps.Messages)) {
			return fmt.Errorf("committed %v", offset)
		}
		return err
	}
}
