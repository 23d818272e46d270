import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/** Kafka's Java clients since 0.9: the producer and the consumer that is no longer in need of ZooKeeper. */
public final class Modern {
    private static final String TOPIC = Steps.env("TOPIC");

    private Modern() {}

    public static void main(String[] arguments) {
        Steps.expect("list", Modern::list);
        Steps.expect("produce", () -> produce(TOPIC));
        Steps.expect("consume", () -> consume(Steps.env("GROUP")));
        if (!Steps.env("DENIED_TOPIC").isEmpty()) {
            Steps.expectDenial("denied write", "TopicAuthorizationException", () -> produce(Steps.env("DENIED_TOPIC")));
            Steps.expectDenial("denied group", "GroupAuthorizationException", () -> consume(Steps.env("DENIED_GROUP")));
        }
        System.exit(0);
    }

    private static Collection<String> list() {
        try (KafkaConsumer<String, String> consumer = consumer("")) {
            Collection<String> topics = consumer.listTopics().keySet();
            Steps.shown("listed " + topics, topics.contains(TOPIC));
            return topics;
        }
    }

    private static Collection<String> produce(String topic) throws Exception {
        Properties settings = Steps.settings();
        settings.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        settings.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        settings.put("max.block.ms", String.valueOf(Steps.WAIT_MS));
        settings.put("acks", "all");
        // From 3.0 on it would ask for a producer id first, and be refused that (KIP-679).
        settings.put("enable.idempotence", "false");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings)) {
            List<Future<?>> sent = new ArrayList<>();
            for (int number = 0; number < Steps.MESSAGES; number++) {
                sent.add(producer.send(new ProducerRecord<String, String>(topic, "message " + number)));
            }
            for (Future<?> future : sent) {
                future.get(Steps.WAIT_MS, TimeUnit.MILLISECONDS);
            }
        }
        return null;
    }

    private static Collection<String> consume(String group) throws Exception {
        KafkaConsumer<String, String> consumer = consumer(group);
        consumer.subscribe(Arrays.asList(TOPIC));
        List<String> values = new ArrayList<>();
        long end = System.currentTimeMillis() + Steps.WAIT_MS;
        while (values.size() < Steps.MESSAGES && System.currentTimeMillis() < end) {
            for (ConsumerRecord<String, String> record : poll(consumer)) {
                values.add(record.value());
            }
        }
        Steps.shown("received " + values, values.size() == Steps.MESSAGES && values.contains("message 0"));
        consumer.commitSync();
        long next = consumer.position(new TopicPartition(TOPIC, 0));
        Steps.shown("position " + next, next == Steps.MESSAGES);
        consumer.close();
        return null;
    }

    private static KafkaConsumer<String, String> consumer(String group) {
        Properties settings = Steps.settings();
        settings.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        settings.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        settings.put("request.timeout.ms", String.valueOf(Steps.WAIT_MS + 1000));
        settings.put("default.api.timeout.ms", String.valueOf(Steps.WAIT_MS));
        settings.put("session.timeout.ms", "10000");
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        if (!group.isEmpty()) {
            settings.put("group.id", group);
        }
        return new KafkaConsumer<>(settings);
    }

    /** poll(long) went in 4.0, and poll(Duration) came in 2.0. */
    @SuppressWarnings("unchecked")
    private static ConsumerRecords<String, String> poll(KafkaConsumer<String, String> consumer) throws Exception {
        for (Method method : KafkaConsumer.class.getMethods()) {
            Class<?>[] types = method.getParameterTypes();
            if (method.getName().equals("poll") && types.length == 1) {
                Object wait = types[0] == long.class ? (Object) 500L : java.time.Duration.ofMillis(500);
                try {
                    return (ConsumerRecords<String, String>) method.invoke(consumer, wait);
                } catch (java.lang.reflect.InvocationTargetException thrown) {
                    throw thrown.getCause() instanceof Exception ? (Exception) thrown.getCause() : thrown;
                }
            }
        }
        throw new NoSuchMethodException("poll");
    }
}
