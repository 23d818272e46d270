import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import kafka.api.FetchRequestBuilder;
import kafka.common.OffsetAndMetadata;
import kafka.common.OffsetMetadataAndError;
import kafka.common.TopicAndPartition;
import kafka.javaapi.ConsumerMetadataResponse;
import kafka.javaapi.FetchResponse;
import kafka.javaapi.OffsetCommitRequest;
import kafka.javaapi.OffsetCommitResponse;
import kafka.javaapi.OffsetFetchRequest;
import kafka.javaapi.TopicMetadata;
import kafka.javaapi.TopicMetadataRequest;
import kafka.javaapi.consumer.SimpleConsumer;
import kafka.message.MessageAndOffset;
import kafka.network.BlockingChannel;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** The clients of 0.8.2: the new producer, and the simple consumer, which needs no ZooKeeper and knows no membership. */
public final class Oldest {
    private static final String TOPIC = Steps.env("TOPIC");
    private static final String HOST = Steps.env("BOOTSTRAP").split(",")[0].split(":")[0];
    private static final int PORT = Integer.parseInt(Steps.env("BOOTSTRAP").split(",")[0].split(":")[1]);
    private static final short GROUP_AUTHORIZATION_FAILED = 30;

    private Oldest() {}

    public static void main(String[] arguments) {
        Steps.expect("list", Oldest::list);
        Steps.expect("produce", () -> produce(TOPIC));
        Steps.expect("consume", Oldest::consume);
        if (!Steps.env("DENIED_TOPIC").isEmpty()) {
            // It is older than the error TOPIC_AUTHORIZATION_FAILED, and asks again until it gives up.
            Steps.expectDenial("denied write", "TimeoutException", () -> produce(Steps.env("DENIED_TOPIC")));
            Steps.expect("denied group", Oldest::deniedGroup);
        }
        System.exit(0);
    }

    private static Collection<String> list() {
        SimpleConsumer consumer = consumer();
        List<String> topics = new ArrayList<>();
        TopicMetadataRequest all = new TopicMetadataRequest(Collections.<String>emptyList());
        for (TopicMetadata topic : consumer.send(all).topicsMetadata()) {
            topics.add(topic.topic());
        }
        consumer.close();
        Steps.shown("listed " + topics, topics.contains(TOPIC));
        return topics;
    }

    private static Collection<String> produce(String topic) throws Exception {
        Properties settings = Steps.settings();
        settings.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        settings.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        settings.put("metadata.fetch.timeout.ms", String.valueOf(Steps.WAIT_MS));
        settings.put("acks", "all");
        KafkaProducer<String, String> producer = new KafkaProducer<>(settings);
        List<Future<?>> sent = new ArrayList<>();
        for (int number = 0; number < Steps.MESSAGES; number++) {
            sent.add(producer.send(new ProducerRecord<String, String>(topic, "message " + number)));
        }
        for (Future<?> future : sent) {
            future.get(Steps.WAIT_MS, TimeUnit.MILLISECONDS);
        }
        producer.close();
        return null;
    }

    private static Collection<String> consume() throws Exception {
        SimpleConsumer consumer = consumer();
        FetchResponse answer = consumer.fetch(
                new FetchRequestBuilder().clientId("matrix").addFetch(TOPIC, 0, 0, 1 << 20).maxWait(500).build());
        Steps.shown("error " + answer.errorCode(TOPIC, 0), !answer.hasError());
        List<String> values = new ArrayList<>();
        for (MessageAndOffset message : answer.messageSet(TOPIC, 0)) {
            byte[] value = new byte[message.message().payload().remaining()];
            message.message().payload().get(value);
            values.add(new String(value, "UTF-8"));
        }
        consumer.close();
        Steps.shown("received " + values, values.size() == Steps.MESSAGES && values.contains("message 0"));
        String group = Steps.env("GROUP");
        short error = commit(group, values.size());
        Steps.shown("committing: error " + error, error == 0);
        OffsetMetadataAndError committed = committed(group);
        Steps.shown("committed " + committed, committed.offset() == Steps.MESSAGES);
        return null;
    }

    private static Collection<String> deniedGroup() throws Exception {
        short error = commit(Steps.env("DENIED_GROUP"), 1);
        Steps.shown("committing: error " + error, error == GROUP_AUTHORIZATION_FAILED);
        return null;
    }

    private static short commit(String group, long offset) throws Exception {
        BlockingChannel channel = coordinator(group);
        TopicAndPartition partition = new TopicAndPartition(TOPIC, 0);
        Map<TopicAndPartition, OffsetAndMetadata> offsets =
                Collections.singletonMap(partition, new OffsetAndMetadata(offset, "", System.currentTimeMillis()));
        channel.send(new OffsetCommitRequest(group, offsets, 1, "matrix", (short) 1).underlying());
        OffsetCommitResponse answer = OffsetCommitResponse.readFrom(channel.receive().buffer());
        channel.disconnect();
        return ((Number) answer.errors().get(partition)).shortValue();
    }

    private static OffsetMetadataAndError committed(String group) throws Exception {
        BlockingChannel channel = coordinator(group);
        TopicAndPartition partition = new TopicAndPartition(TOPIC, 0);
        channel.send(new OffsetFetchRequest(group, Arrays.asList(partition), (short) 1, 2, "matrix").underlying());
        kafka.javaapi.OffsetFetchResponse answer =
                kafka.javaapi.OffsetFetchResponse.readFrom(channel.receive().buffer());
        channel.disconnect();
        return answer.offsets().get(partition);
    }

    /** The group's own broker; the first to be asked may have to make the topic of the offsets. */
    private static BlockingChannel coordinator(String group) throws Exception {
        while (true) {
            BlockingChannel channel = channel(HOST, PORT);
            channel.send(new kafka.api.ConsumerMetadataRequest(group, (short) 0, 1, "matrix"));
            ConsumerMetadataResponse answer = ConsumerMetadataResponse.readFrom(channel.receive().buffer());
            if (answer.errorCode() == GROUP_AUTHORIZATION_FAILED) {
                return channel;
            }
            channel.disconnect();
            if (answer.errorCode() == 0) {
                return channel(answer.coordinator().host(), answer.coordinator().port());
            }
            Thread.sleep(100);
        }
    }

    private static BlockingChannel channel(String host, int port) {
        BlockingChannel channel = new BlockingChannel(host, port, 1 << 16, 1 << 16, (int) Steps.WAIT_MS);
        channel.connect();
        return channel;
    }

    private static SimpleConsumer consumer() {
        return new SimpleConsumer(HOST, PORT, (int) Steps.WAIT_MS, 1 << 16, "matrix");
    }
}
