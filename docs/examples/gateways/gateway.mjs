// A chat gateway in Node: messages as JSON lines on stdin become events on Kafka.
//
// Needs `kafkajs` alone; the event's JSON Schema is in docs/reference/schemas. Says `taken <id>` when
// all in-sync replicas have the message; one that was not taken is given again, under the same id,
// and makes no second ticket.
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { Kafka, Partitioners, logLevel } from "kafkajs";

const desk = process.env.DESK;
const brokers = (process.env.KAFKA_BOOTSTRAP_SERVERS ?? "localhost:8107").split(",");
const topic = `${process.env.KAFKA_TOPIC_PREFIX ?? ""}channel.chat.v1`;

function recordOf(message, now) {
  // What the provider does not say is left out: `new Date(0)` or an empty text is no time.
  const sentAt = message.sent_at ? new Date(message.sent_at) : now;
  const event = {
    type: "pledge.chat.message_received.v1",
    desk,
    occurred_at: (sentAt < now ? sentAt : now).toISOString(),
    recorded_at: now.toISOString(),
    delivery: `example:${message.id}`,
    conversation: `example:${message.thread}`,
    authentication: { result: "passed", method: "session" },
    sender: { name: message.name, email: message.email },
    text: message.text.toWellFormed?.().replaceAll("\0", "") ?? message.text.replaceAll("\0", ""),
  };
  const id = randomUUID();
  const subject = `${desk}/${event.conversation}`;
  return {
    key: subject,
    value: JSON.stringify(event),
    // No timestamp: the record's is the producer's clock, and retention goes by it.
    headers: {
      ce_specversion: "1.0",
      ce_id: id,
      ce_source: "/gateways/example",
      ce_type: event.type,
      ce_time: event.occurred_at,
      ce_subject: subject,
      ce_desk: desk,
      ce_correlationid: id,
      "content-type": "application/json",
    },
  };
}

const kafka = new Kafka({ clientId: "example-gateway", brokers, logLevel: logLevel.ERROR });
const producer = kafka.producer({
  idempotent: true,
  maxInFlightRequests: 1,
  // By the same hash as Java's and Python's clients, so that a conversation keeps its partition.
  createPartitioner: Partitioners.DefaultPartitioner,
});
await producer.connect();
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  await producer.send({ topic, acks: -1, messages: [recordOf(message, new Date())] });
  console.log("taken", message.id);
}
await producer.disconnect();
