// cloudevents_sdk.mjs: what the official SDK for JavaScript sends, to a running server.
//
//     node cloudevents_sdk.mjs MODULES URL TOKEN
//
// MODULES is the directory that the SDK was installed in (npm install --prefix DIR cloudevents@10,
// then DIR/node_modules), URL that of POST /v1/events. Each request must be answered with 201 and
// a seq for each event; what is no CloudEvent with 4xx. The events stand in the log afterwards,
// with sources that begin with /sdk/.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, url, token] = process.argv.slice(2);
if (!token) {
    console.error("usage: node cloudevents_sdk.mjs MODULES URL TOKEN");
    process.exit(2);
}
const { CloudEvent, HTTP } = createRequire(join(modules, "index.js"))("cloudevents");

async function post(what, headers, body, status) {
    const answer = await fetch(url, {
        method: "POST",
        headers: { ...headers, authorization: `Bearer ${token}` },
        body,
    });
    const text = await answer.text();
    assert.equal(answer.status, status, `${what}: ${answer.status} ${text}`);
    return JSON.parse(text);
}

async function accepted(what, message) {
    const answer = await post(what, message.headers, message.body, 201);
    assert.ok(Number.isInteger(answer.seq) && answer.seq > 0, `${what}: ${JSON.stringify(answer)}`);
    return answer.seq;
}

// Values that a header cannot have as they are, the SDK leaves as they are: those are for the
// structured mode alone.
const plain = { type: "dev.cellos.sdk.v1.sent", time: "2018-04-05T17:31:00Z", subject: "a-subject",
    dataschema: "https://example.com/schema#v1", flag: true, number: -2147483648, text: "x" };
const events = (mode) => [
    new CloudEvent({ ...plain, source: `/sdk/${mode}/object`, data: { a: [1, 2.5, null] } }),
    new CloudEvent({ ...plain, source: `/sdk/${mode}/array`, data: ["\u{1F30E}"] }),
    new CloudEvent({ type: "t", source: `/sdk/${mode}/least` }),
    new CloudEvent({ ...plain, source: `/sdk/${mode}/text`, datacontenttype: "text/plain",
        data: "Euro \u20AC\n" }),
    new CloudEvent({ ...plain, source: `/sdk/${mode}/bytes`,
        datacontenttype: "application/octet-stream", data: new Uint8Array([0, 255, 128]) }),
];

const seqs = [];
for (const event of events("structured"))
    seqs.push(await accepted(event.source, HTTP.structured(event)));
seqs.push(await accepted("/sdk/structured/unicode", HTTP.structured(
    new CloudEvent({ type: "t", source: "/sdk/structured/unicode", subject: "Euro \u20AC" }))));
for (const event of events("binary"))
    seqs.push(await accepted(event.source, HTTP.binary(event)));
for (let i = 1; i < seqs.length; i++) assert.ok(seqs[i] > seqs[i - 1], `seqs ${seqs}`);

// The SDK reads batches, but has no function that writes one.
const batch = events("batched");
const answer = await post("a batch", { "content-type": "application/cloudevents-batch+json" },
    `[${batch.map((event) => HTTP.structured(event).body).join(",")}]`, 201);
assert.equal(answer.seqs.length, batch.length);
assert.equal(answer.outcomes.length, batch.length);

// What the SDK itself would not send.
const good = HTTP.structured(events("bad")[0]);
await post("no id", good.headers, good.body.replace(/"id":"[^"]*",/, ""), 400);
await post("no CloudEvent", { "content-type": "application/json" }, "{}", 415);

console.log(`${seqs.length + batch.length} events accepted`);
