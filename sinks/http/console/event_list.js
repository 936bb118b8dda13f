/* event_list.js: events of the log that match a filter, the newest first: those before, read on
 * demand, and those that come.
 *
 * The API walks the log forwards only. To go back, windows before the oldest event shown are read
 * forwards; they double while a filter leaves little of them.
 */
import { getJson, pathTo } from "./api.js";
import { brief } from "./format.js";
import { parse } from "./json.js";
import { follow } from "./stream.js";

const KEPT_MAX = 20000; // rows; the oldest are dropped
const PAGE = 1000; // events of one request
const WINDOW = 200; // seqs of the first window
const WANTED = 100; // rows that end a walk back
const WINDOWS_MAX = 12;

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

/* The events after `since`, up to `to`, that match. */
async function readWindow(filters, since, to, signal) {
    const rows = [];
    while (since < to) {
        const limit = Math.min(PAGE, to - since);
        const path = pathTo(["v1", "events"], { ...filters, since, limit });
        const page = await getJson(path, signal);
        rows.push(...page.events.filter(({ seq }) => seq <= to).map(toRow));
        if (page.cursor <= since) break;
        since = page.cursor;
    }
    return rows;
}

/* Rows before `oldest`, newest first, and how far back was looked. */
async function readBack(filters, oldest, floor, signal) {
    let to = oldest - 1;
    let window = WINDOW;
    let rows = [];
    for (let i = 0; i < WINDOWS_MAX && rows.length < WANTED && to >= floor; i++, window *= 2) {
        const since = Math.max(floor - 1, to - window);
        rows = (await readWindow(filters, since, to, signal)).concat(rows);
        to = since;
    }
    return { rows: rows.reverse(), back: to + 1 };
}

/* `changed` is called when there is something new to show, `failed` with an error. */
export class EventList {
    rows = []; // those that are shown
    back = 0; // the log was read from this seq on
    floor = 1; // the oldest seq of the log
    isHeld = false; // new events wait in `fresh`
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

    end() {
        this.#controller.abort();
    }

    /* Reads the newest events, and follows from there. */
    async begin(filters) {
        this.end();
        this.#controller = new AbortController();
        const { signal } = this.#controller;
        Object.assign(this, { rows: [], isInterrupted: false });
        this.#fresh = [];
        this.#filters = filters;
        try {
            const { cursor, first_seq: floor } = await getJson("/v1/status", signal);
            const { rows, back } = await readBack(filters, cursor + 1, floor, signal);
            Object.assign(this, { rows, back, floor });
            this.changed();
            await this.#follow(cursor, signal);
        } catch (error) {
            if (!signal.aborted) this.failed(error);
        }
    }

    async goBack() {
        const { signal } = this.#controller;
        try {
            const { rows, back } = await readBack(this.#filters, this.back, this.floor, signal);
            this.back = back;
            this.#show(this.rows.concat(rows));
        } catch (error) {
            if (!signal.aborted) this.failed(error);
        }
        if (!signal.aborted) this.changed();
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

    async #follow(since, signal) {
        let isFirst = true;
        await follow(pathTo(["v1", "events", "stream"], { ...this.#filters, since }), {
            signal,
            begin: () => {
                if (!isFirst) this.begin(this.#filters); // another epoch, or trimmed
                isFirst = false;
            },
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
