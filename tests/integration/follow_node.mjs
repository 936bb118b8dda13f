// follow_node.mjs: `ws` and `eventsource` follow a running server, which is told to end at last.
//
//     node follow_node.mjs MODULES URL TOKEN PID
//
// MODULES is the directory that they were installed in (npm install --prefix DIR ws@8
// eventsource@2, then DIR/node_modules), PID the server's.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, url, token, pid] = process.argv.slice(2);
if (!pid) {
    console.error("usage: node follow_node.mjs MODULES URL TOKEN PID");
    process.exit(2);
}
const require = createRequire(join(modules, "index.js"));
const WebSocket = require("ws"), EventSource = require("eventsource");
const headers = { authorization: `Bearer ${token}` };
const address = `${url.replace("http", "ws")}/ws/events`;

let count = 0;
async function post(number) {
    const events = Array.from({ length: number }, () => ({ specversion: "1.0", source: "/node",
        id: `node-${count++}`, type: "node.test", data: { text: "\u{1F30E}".repeat(count % 50) } }));
    const answer = await fetch(`${url}/v1/events`, { method: "POST", body: JSON.stringify(events),
        headers: { ...headers, "content-type": "application/cloudevents-batch+json" } });
    assert.equal(answer.status, 201, await answer.clone().text());
    return (await answer.json()).seqs;
}

// What is emitted once, or an error.
const once = (emitter, name) => new Promise((resolve, reject) => {
    emitter.once(name, (...values) => resolve(values));
    if (name !== "error") emitter.once("error", reject);
});

// Frames of one source, to wait for: they come in order, with no hole.
class Frames {
    constructor(last) {
        this.last = last;
        this.seen = [];
    }
    take(text) {
        const frame = JSON.parse(text);
        assert.equal(frame.seq, this.last + 1);
        assert.equal(frame.event.source, "/node");
        this.last = frame.seq;
        this.seen.push(frame);
        if (this.last === this.wanted) this.resolve();
    }
    until(seq) {
        this.wanted = seq;
        return new Promise((resolve) => {
            this.resolve = resolve;
            if (this.last >= seq) resolve();
        });
    }
}

function opened(query, last, protocols = [], options = { headers }) {
    const socket = new WebSocket(address + query, protocols, options);
    socket.frames = new Frames(last);
    socket.on("message", (bytes, binary) => {
        assert.equal(binary, false);
        socket.frames.take(bytes.toString());
    });
    return socket;
}

await post(100);

// All of the log, and then what comes; compression is offered and declined.
const all = opened("?since=0", 0);
await once(all, "open");
assert.equal(all.extensions, "");
await post(50);
await all.frames.until(150);

// As a browser gives its token.
const some = opened("?since=140", 140, ["reel.v1", `bearer.${token}`], { origin: url });
await once(some, "open");
assert.equal(some.protocol, "reel.v1");
await some.frames.until(150);

// A ping is answered.
some.ping("are you there?");
assert.equal((await once(some, "pong"))[0].toString(), "are you there?");

// A close is answered with its code.
some.close(4000, "enough");
assert.deepEqual((await once(some, "close"))[0], 4000);

// Refusals are HTTP's.
for (const [query, options, status] of [
    ["?since=0", {}, 401], ["?since=9999", { headers }, 400], ["?nonsense=1", { headers }, 400],
    ["?epoch=other", { headers }, 409]]) {
    const socket = new WebSocket(address + query, [], options);
    const [, answer] = await once(socket, "unexpected-response");
    assert.equal(answer.statusCode, status, query);
    assert.equal(answer.headers["content-type"], "application/problem+json");
    answer.resume();
    socket.on("error", () => {}); // that it was terminated
    socket.terminate();
}

// Server-sent events, and resumed as a browser does it.
function streamed(last, more) {
    const stream = new EventSource(`${url}/v1/events/stream?since=${last}`,
        { headers: { ...headers, ...more } });
    stream.frames = new Frames(more ? Number(more["Last-Event-ID"]) : last);
    stream.onmessage = ({ data, lastEventId }) => {
        stream.frames.take(data);
        assert.equal(lastEventId, String(stream.frames.last));
    };
    return stream;
}
const stream = streamed(0), rest = streamed(0, { "Last-Event-ID": "120" });
await Promise.all([stream.frames.until(150), rest.frames.until(150)]);
rest.close();
const [seq] = await post(1);
await Promise.all([stream.frames.until(seq), all.frames.until(seq)]);

// At the end of the server: going away.
const closed = once(all, "close"), ended = new Promise((resolve) => { stream.onerror = resolve; });
process.kill(Number(pid), "SIGTERM");
assert.equal((await closed)[0], 1001);
await ended;
stream.close();
