// nats_client.mjs: events that the official NATS client for JavaScript publishes to a stream, to a
// daemon that follows it.
//
//     node nats_client.mjs MODULES BROKER URL TOKEN
//
// MODULES is the directory that the client was installed in (npm install --prefix DIR nats@2, then
// DIR/node_modules), BROKER the broker's URL, URL the daemon's.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, broker, url, token] = process.argv.slice(2);
if (!token) {
    console.error("usage: node nats_client.mjs MODULES BROKER URL TOKEN");
    process.exit(2);
}
const { connect, headers, JSONCodec } = createRequire(join(modules, "index.js"))("nats");

async function get(path) {
    const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
    const text = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
}

const type = "dev.cellos.events.cell.lifecycle.v1.started";
const cell = (id) => ({ cellId: id, specId: "spec" });
const event = (id) => ({ specversion: "1.0", id, source: "/javascript", type, data: cell(id) });

const connection = await connect({ servers: broker });
const stream = connection.jetstream();
const json = JSONCodec();

async function publish(payload, options) {
    return (await stream.publish("cellos.events.javascript", payload, options)).seq;
}

function headersOf(members) {
    const all = headers();
    for (const [name, value] of Object.entries(members)) all.set(name, value);
    return all;
}

await publish(json.encode(event("bare")));
await publish(json.encode(event("structured")),
    { headers: headersOf({ "content-type": "application/cloudevents+json" }) });
await publish(json.encode(cell("binary")), { headers: headersOf({ "ce-specversion": "1.0",
    "ce-id": "binary", "ce-source": "/javascript", "ce-type": type,
    "content-type": "application/json" }) });
const last = await publish(json.encode(event("with an id")), { msgID: "with an id" });
const again = await stream.publish("cellos.events.javascript", json.encode(event("with an id")),
    { msgID: "with an id" });
assert.ok(again.duplicate);

for (const id of ["bare", "structured", "binary", "with an id"]) {
    const record = await get(`/v1/cells/${encodeURIComponent(id)}?min_cursor=${last}&timeout=30`);
    assert.equal(record.id, id);
    assert.equal(record.state, "running");
}
const { events } = await get("/v1/events?subject=cellos.events.javascript");
assert.deepEqual(events.map((one) => one.event.id), ["bare", "structured", "binary", "with an id"]);
assert.ok(events.every((one) => one.event.source === "/javascript" && one.event.type === type));
await connection.close();
