/* watch.js: the state of the daemon, asked for every second: for the overview, for the line at the
 * top, and for everything that must notice a restart or another epoch.
 *
 * Events: "change" (status, metrics or reach are new), "restart", "epoch".
 */
import { request, getJson, Unreachable } from "./api.js";
import { readMetrics } from "./metrics.js";
import { session } from "./session.js";

const ASK_MS = 1000,
    ASK_HIDDEN_MS = 10000;
const SAMPLES_MS = 5 * 60 * 1000;
const METRICS_EVERY = 3;

export const watch = Object.assign(new EventTarget(), {
    status: null,
    metrics: null, // a Map, see metrics.js
    newestRejected: null, // as /v1/rejected has it
    reach: "asking", // "up", "down", "refused"
    trouble: null, // why it is not "up"
    downSince: 0,
    samples: [], // { at, cursor, applied, ignored, rejected }, oldest first
});

let timer,
    controller,
    rounds = 0;

function addSample(status) {
    const { cursor, applied, ignored, rejected } = status;
    const at = performance.now(),
        before = watch.samples.at(-1);
    if (before && cursor < before.cursor) watch.samples.length = 0;
    watch.samples.push({ at, cursor, applied, ignored, rejected });
    while (at - watch.samples[0].at > SAMPLES_MS) watch.samples.shift();
}

function compare(before, now) {
    if (!before) return;
    if (before.epoch !== now.epoch) {
        watch.samples.length = 0;
        watch.dispatchEvent(new CustomEvent("epoch", { detail: { before, now } }));
    }
    if (before.started_at !== now.started_at)
        watch.dispatchEvent(new CustomEvent("restart", { detail: { before, now } }));
}

async function ask(signal) {
    const status = await getJson("/v1/status", signal);
    if (rounds++ % METRICS_EVERY === 0)
        watch.metrics = readMetrics(await (await request("/metrics", { signal })).text());
    session.access = status.access || "read";
    const before = watch.status;
    if (status.rejected !== (before?.rejected ?? 0))
        watch.newestRejected = (await getJson("/v1/rejected?limit=1", signal)).rejected[0] || null;
    watch.status = status;
    watch.reach = "up";
    watch.trouble = null;
    compare(before, status);
    addSample(status);
}

async function round() {
    const own = controller,
        { signal } = own;
    if (own.isAsking) return;
    own.isAsking = true;
    try {
        await ask(signal);
    } catch (error) {
        if (signal.aborted) return;
        if (watch.reach !== "down") watch.downSince = Date.now();
        watch.reach = error instanceof Unreachable ? "down" : "refused";
        watch.trouble = error;
    } finally {
        own.isAsking = false;
    }
    if (signal.aborted) return;
    watch.dispatchEvent(new Event("change"));
    if (session.token !== null) timer = setTimeout(round, document.hidden ? ASK_HIDDEN_MS : ASK_MS);
}

/* Asks once, now; the first answer tells whether the token is good. */
export async function startWatching() {
    stopWatching();
    controller = new AbortController();
    await round();
    if (watch.reach !== "up") throw watch.trouble || new Unreachable();
}

export function stopWatching() {
    clearTimeout(timer);
    controller?.abort();
    Object.assign(watch, {
        status: null,
        metrics: null,
        newestRejected: null,
        reach: "asking",
        samples: [],
    });
    rounds = 0;
}

/* Calls `show` now and at each change, until `signal` is aborted. */
export function onChange(signal, show) {
    watch.addEventListener("change", show, { signal });
    if (watch.status) show();
}

document.addEventListener("visibilitychange", () => {
    if (document.hidden || !controller || session.token === null) return;
    clearTimeout(timer);
    timer = setTimeout(round, 0);
});
