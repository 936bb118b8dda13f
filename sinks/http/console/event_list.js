/* event_list.js: events of the log that match a filter, the newest first: those before, read page by
 * page on demand, and those that come. */
import { getJson, pathTo } from "./api.js";
import { brief } from "./format.js";
import { parse } from "./json.js";
import { follow } from "./stream.js";

const KEPT_MAX = 20000; // rows; new ones replace the oldest
const PAGE = 200; // events that are read at a time
const EMPTY_MAX = 10; // pages in a row of which a filter has left nothing
const IDLE_MS = 60000; // on a quiet log only a comment comes, every 25 s (follow_ping_ms)

function toRow({ seq, event, error, gap }) {
    if (gap) return { seq, type: "", note: "messages up to here were never received" };
    if (!event) return { seq, type: "", note: error || "not JSON" };
    return {
        seq,
        type: String(event.type ?? ""),
        id: event.id,
        time: event.time,
        subject: event.subject,
        data: brief(event.data ?? event.data_base64),
    };
}

/* The newest rows before `before`; `back`: the log was searched from there on; and where the log
 * ends: `cursor`, of `epoch`. */
async function readBack(filters, before, floor, signal) {
    for (let i = 0; ; i++) {
        const path = pathTo(["v1", "events"], { ...filters, before, limit: PAGE });
        const { events, next, ...end } = await getJson(path, signal);
        const isEnd = events.length > 0 || next === undefined || i === EMPTY_MAX;
        if (isEnd) return { rows: events.map(toRow), back: next ?? floor, end };
        before = next;
    }
}

/* `changed` is called when there is something new to show, `failed` with an error. */
export class EventList {
    rows = []; // those that are shown
    back = 0; // the log was read from this seq on
    floor = 1; // the oldest seq of the log
    isHeld = false; // new events wait in `fresh`
    isReading = false; // older events are being read
    isInterrupted = false;
    #fresh = []; // oldest first
    #filters = {};
    #controller = new AbortController();

    constructor({ changed, failed }) {
        this.changed = changed;
        this.failed = failed;
    }

    get waiting() {
        return this.#fresh.length;
    }

    get hasOlder() {
        return this.back > this.floor;
    }

    get isFull() {
        return this.rows.length >= KEPT_MAX;
    }

    end() {
        this.#controller.abort();
    }

    /* Reads the newest events, and follows from there. */
    async begin(filters) {
        this.end();
        this.#controller = new AbortController();
        const { signal } = this.#controller;
        Object.assign(this, { rows: [], isInterrupted: false, isReading: false });
        this.#fresh = [];
        this.#filters = filters;
        try {
            const { first_seq: floor } = await getJson("/v1/status", signal);
            const newest = Number.MAX_SAFE_INTEGER;
            const { rows, back, end } = await readBack(filters, newest, floor, signal);
            Object.assign(this, { rows, back, floor });
            this.changed();
            await this.#follow(end, signal);
        } catch (error) {
            if (!signal.aborted) this.failed(error);
        }
    }

    async goBack() {
        const { signal } = this.#controller;
        this.isReading = true;
        try {
            const { rows, back } = await readBack(this.#filters, this.back, this.floor, signal);
            this.back = back;
            this.#show(this.rows.concat(rows));
        } catch (error) {
            if (!signal.aborted) this.failed(error);
        }
        if (signal.aborted) return;
        this.isReading = false;
        this.changed();
    }

    hold(isHeld) {
        this.isHeld = isHeld;
        this.merge();
    }

    /* Shows what has come, unless it is held. */
    merge() {
        if (this.isHeld || this.#fresh.length === 0) return;
        this.#show(this.#fresh.reverse().concat(this.rows));
        this.#fresh = [];
    }

    #show(rows) {
        this.rows = rows.slice(0, KEPT_MAX);
        if (rows.length > KEPT_MAX) this.back = this.rows.at(-1).seq;
    }

    async #follow({ cursor: since, epoch }, signal) {
        await follow(pathTo(["v1", "events", "stream"], { ...this.#filters, since }), {
            signal,
            epoch,
            idleMs: IDLE_MS,
            begin: () => void this.begin(this.#filters), // another epoch, or trimmed
            frame: (text) => {
                const frame = parse(text);
                if ("event" in frame || frame.gap) this.#fresh.push(toRow(frame));
                if (this.#fresh.length > 2 * KEPT_MAX) this.#fresh = this.#fresh.slice(-KEPT_MAX);
                this.changed();
            },
            state: (state) => {
                this.isInterrupted = state === "waiting";
                this.changed();
            },
        });
    }
}
