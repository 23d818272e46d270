// KafkaJS.
"use strict";

const fs = require("node:fs");
const { Kafka, logLevel } = require("kafkajs");

const env = process.env;
const messages = Number(env.MESSAGES);
const waitMs = 1000 * Number(env.WAIT_S);
const values = Array.from({ length: messages }, (_, number) => `message ${number}`);

function settings() {
  const found = { brokers: env.BOOTSTRAP.split(","), logLevel: logLevel.NOTHING, connectionTimeout: waitMs };
  found.retry = { retries: 5, initialRetryTime: 100, maxRetryTime: 1000 };
  if (env.SECURITY !== "PLAINTEXT") {
    found.ssl = { ca: [fs.readFileSync(env.CA)] };
  }
  if (env.SECURITY === "SSL") {
    found.ssl.cert = fs.readFileSync(env.CERTIFICATE);
    found.ssl.key = fs.readFileSync(env.KEY);
  }
  if (env.SECURITY.startsWith("SASL")) {
    found.sasl = { mechanism: env.MECHANISM.toLowerCase(), username: env.USERNAME, password: env.PASSWORD };
  }
  return found;
}

const kafka = new Kafka(settings());

function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function inTime(step) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no end in time")), waitMs).unref());
  return Promise.race([step(), late]);
}

async function expect(step, work) {
  try {
    const topics = await inTime(work);
    tell({ step, ok: true, ...(topics === undefined ? {} : { topics: topics.sort() }) });
  } catch (error) {
    tell({ step, ok: false, error: String(error) });
  }
}

async function expectDenial(step, type, work) {
  try {
    await inTime(work);
    tell({ step, ok: false, error: "it was allowed" });
  } catch (error) {
    // It asks for a coordinator again and again, and says at last that it found none.
    const found = [error.type, error.cause && error.cause.type, error.name];
    tell({ step, ok: found.includes(type), error: String(error) });
  }
}

async function list() {
  const admin = kafka.admin();
  await admin.connect();
  const topics = await admin.listTopics();
  await admin.disconnect();
  if (!topics.includes(env.TOPIC)) {
    throw new Error(`listed ${topics}`);
  }
  return topics;
}

async function produce(topic) {
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({ topic, messages: values.map((value) => ({ value })) });
  } finally {
    await producer.disconnect();
  }
}

async function consume(groupId) {
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false });
  const crashed = new Promise((_, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
  });
  const received = [];
  const done = new Promise((resolve) => {
    crashed.catch(() => undefined);
    const run = async () => {
      await consumer.connect();
      await consumer.subscribe({ topics: [env.TOPIC], fromBeginning: true });
      await consumer.run({
        eachMessage: async ({ message }) => {
          received.push(message.value.toString());
          if (received.length === messages) {
            resolve();
          }
        },
      });
    };
    run().catch(() => undefined);
  });
  try {
    await Promise.race([done, crashed]);
  } finally {
    await consumer.disconnect();
  }
  if (received.join() !== values.join()) {
    throw new Error(`received ${received}`);
  }
}

async function main() {
  await expect("list", list);
  await expect("produce", () => produce(env.TOPIC));
  await expect("consume", () => consume(env.GROUP));
  if (env.DENIED_TOPIC) {
    await expectDenial("denied write", "TOPIC_AUTHORIZATION_FAILED", () => produce(env.DENIED_TOPIC));
    await expectDenial("denied group", "KafkaJSGroupCoordinatorNotFound", () => consume(env.DENIED_GROUP));
  }
  process.exit(0);
}

main();
