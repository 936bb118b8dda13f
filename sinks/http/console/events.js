/* events.js: the events of the log, the newest first: live at the top, and back in time on demand.
 *
 * The API walks the log forwards only. To go back, windows before the oldest event shown are read
 * forwards; they double while a filter leaves little of them.
 */
import { getJson, pathTo } from "./api.js";
import { button, el, labelled, setText, trouble } from "./dom.js";
import { brief, number } from "./format.js";
import { parse } from "./json.js";
import { follow } from "./stream.js";
import { Table } from "./table.js";
import { watch } from "./watch.js";

const KEPT_MAX = 20000,
    PAGE = 1000,
    WINDOW = 200,
    WANTED = 100,
    WINDOWS_MAX = 12,
    DRAW_MS = 100;
const FILTERS = [
    ["type", "Type begins with", ""],
    ["subject", "NATS subject", "with the wildcards * and >, such as cellos.events.cell.>"],
    ["ce_subject", "Subject of the event", ""],
];

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

const COLUMNS = [
    { name: "seq", title: "Seq", isNumber: true },
    { name: "type", title: "Type" },
    { name: "time", title: "Time" },
    { name: "subject", title: "Subject" },
    { name: "id", title: "Id" },
    { name: "data", title: "Data" },
];

/* The events after `since`, up to `to`, that match: at most a few pages. */
async function readWindow(filters, since, to, signal) {
    const rows = [];
    while (since < to) {
        const page = await getJson(
            pathTo(["v1", "events"], { ...filters, since, limit: Math.min(PAGE, to - since) }),
            signal,
        );
        rows.push(...page.events.filter(({ seq }) => seq <= to).map(toRow));
        if (page.cursor <= since) break;
        since = page.cursor;
    }
    return rows;
}

/* Rows before `oldest`, newest first, and how far back was looked. */
async function readBack(filters, oldest, floor, signal) {
    let to = oldest - 1,
        window = WINDOW,
        rows = [];
    for (let i = 0; i < WINDOWS_MAX && rows.length < WANTED && to >= floor; i++, window *= 2) {
        const since = Math.max(floor - 1, to - window);
        rows = (await readWindow(filters, since, to, signal)).concat(rows);
        to = since;
    }
    return { rows: rows.reverse(), back: to + 1 };
}

export function show(main, { params }, signal) {
    const status = el("p", { class: "count", role: "status" }),
        failed = el("div");
    const table = new Table({
        label: "Events, newest first",
        columns: COLUMNS,
        keyOf: (row) => row.seq,
        hrefOf: (row) => `#/events/${row.seq}`,
        cells: (row) => [
            number(row.seq),
            row.type,
            ...(row.note
                ? [row.note, "", "", ""]
                : [row.time ?? "", brief(row.subject), brief(row.id), row.data]),
        ],
    });
    let rows,
        fresh,
        back,
        state,
        controller,
        timer = 0,
        isLive = true;
    const older = button("Older events", () => goBack());
    const hold = button(
        "Hold",
        () => {
            isLive = !isLive;
            hold.setAttribute("aria-pressed", String(!isLive));
            setText(hold, isLive ? "Hold" : "Go on");
            draw();
        },
        { "aria-pressed": "false" },
    );
    const filters = () =>
        Object.fromEntries(FILTERS.map(([name]) => [name, params.get(name) || ""]));
    signal.addEventListener("abort", () => (controller?.abort(), clearTimeout(timer)));

    function draw() {
        timer = 0;
        if (isLive && fresh.length > 0) {
            rows = fresh.reverse().concat(rows).slice(0, KEPT_MAX);
            fresh = [];
        }
        table.setRows(rows);
        const floor = watch.status?.first_seq ?? 1;
        older.disabled = back <= floor;
        const news = isLive ? "" : `, held: ${number(fresh.length)} newer`;
        setText(
            status,
            state === "waiting"
                ? "The connection is interrupted, trying again"
                : `${number(rows.length)} events since ${number(back)}, ${isLive ? "live" : "not moving"}${news}`,
        );
    }
    const later = () => (timer ||= setTimeout(draw, DRAW_MS));
    const fail = (error) => error.name !== "AbortError" && failed.replaceChildren(trouble(error));

    async function goBack() {
        const own = controller.signal;
        older.disabled = true;
        try {
            const found = await readBack(filters(), back, watch.status.first_seq, own);
            rows = rows.concat(found.rows).slice(0, KEPT_MAX);
            back = found.back;
        } catch (error) {
            fail(error);
        }
        if (!own.aborted) draw();
    }

    async function followFrom(since) {
        const own = controller.signal;
        let isFirst = true;
        await follow(pathTo(["v1", "events", "stream"], { ...filters(), since }), {
            signal: own,
            begin() {
                if (!isFirst) begin(); // another epoch, or trimmed: all is read again
                isFirst = false;
            },
            frame(text) {
                const frame = parse(text);
                if ("event" in frame || frame.gap) fresh.push(toRow(frame));
                if (fresh.length > KEPT_MAX) fresh = fresh.slice(-KEPT_MAX);
                later();
            },
            state(now) {
                state = now;
                later();
            },
        });
    }

    async function begin() {
        controller?.abort();
        controller = new AbortController();
        rows = [];
        fresh = [];
        state = "connected";
        failed.replaceChildren();
        setText(status, "reading");
        try {
            const { cursor, first_seq: floor } = await getJson("/v1/status", controller.signal);
            back = cursor + 1;
            const found = await readBack(filters(), back, floor, controller.signal);
            rows = found.rows;
            back = found.back;
            draw();
            await followFrom(cursor);
        } catch (error) {
            setText(status, "");
            fail(error);
        }
    }

    const inputs = FILTERS.map(([name, text, hint]) => {
        const input = el("input", {
            type: "text",
            name,
            value: params.get(name) || "",
            autocomplete: "off",
            spellcheck: "false",
        });
        return labelled(text, input, hint);
    });
    const form = el(
        "form",
        {
            class: "filters",
            "aria-label": "Filter events",
            submit: (event) => {
                event.preventDefault();
                for (const [name, value] of new FormData(form))
                    if (value) params.set(name, value);
                    else params.delete(name);
                const text = params.toString();
                history.replaceState(null, "", "#/events" + (text ? "?" + text : ""));
                begin();
            },
        },
        inputs,
        el("button", { type: "submit" }, "Filter"),
    );
    const seq = el("input", {
        type: "text",
        inputmode: "numeric",
        pattern: "[0-9]+",
        required: true,
    });
    const go = el(
        "form",
        {
            class: "filters",
            "aria-label": "Go to an event",
            submit: (event) => {
                event.preventDefault();
                location.hash = `#/events/${seq.value}`;
            },
        },
        labelled("Seq", seq),
        el("button", { type: "submit" }, "Show event"),
    );
    main.append(
        el("h1", {}, "Events"),
        form,
        go,
        el("div", { class: "toolbar" }, hold, older),
        status,
        failed,
        table.box,
    );
    begin();
}
