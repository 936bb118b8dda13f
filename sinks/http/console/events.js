/* events.js: the events of the log, the newest first: live, and back in time on demand. */
import { button, el, labelled, setText, trouble } from "./dom.js";
import { EventList } from "./event_list.js";
import { brief, number } from "./format.js";
import { Table } from "./table.js";

const DRAW_MS = 100;
const FULL = "The page is full: for older events, filter, or go to one by its seq.";
const FILTERS = [
    ["type", "Type begins with", ""],
    ["subject", "NATS subject", "with the wildcards * and >, such as cellos.events.cell.>"],
    ["ce_subject", "Subject of the event", ""],
];
const COLUMNS = [
    { name: "seq", title: "Seq", isNumber: true },
    { name: "type", title: "Type" },
    { name: "time", title: "Time" },
    { name: "subject", title: "Subject" },
    { name: "id", title: "Id" },
    { name: "data", title: "Data" },
];

function cellsOf({ seq, type, note, time, subject, id, data }) {
    const rest = note ? [note, "", "", ""] : [time ?? "", brief(subject), brief(id), data];
    return [number(seq), type, ...rest];
}

const filtersOf = (params) =>
    Object.fromEntries(FILTERS.map(([name]) => [name, params.get(name) || ""]));

function describe(list) {
    if (list.isInterrupted) return "The connection is interrupted, trying again";
    const held = `not moving, held: ${number(list.waiting)} newer`;
    const motion = list.isHeld ? held : "live";
    const shown = `${number(list.rows.length)} events since ${number(list.back)}, ${motion}`;
    return list.isFull && list.hasOlder ? `${shown}. ${FULL}` : shown;
}

/* The address follows what is filtered by. */
function makeFilterForm(params, changed) {
    const inputs = FILTERS.map(([name, text, hint]) => {
        const attributes = { type: "text", name, autocomplete: "off", spellcheck: "false" };
        return labelled(text, el("input", { ...attributes, value: params.get(name) || "" }), hint);
    });
    function submit(event) {
        event.preventDefault();
        for (const [name, value] of new FormData(event.target))
            if (value) params.set(name, value);
            else params.delete(name);
        const query = params.toString();
        history.replaceState(null, "", "#/events" + (query ? "?" + query : ""));
        changed();
    }
    return el(
        "form",
        { class: "filters", "aria-label": "Filter events", submit },
        inputs,
        el("button", { type: "submit" }, "Filter"),
    );
}

function makeGoForm() {
    const seq = el("input", {
        type: "text",
        inputmode: "numeric",
        pattern: "[0-9]+",
        required: true,
        autocomplete: "off",
    });
    function submit(event) {
        event.preventDefault();
        location.hash = `#/events/${seq.value}`;
    }
    return el(
        "form",
        { class: "filters", "aria-label": "Go to an event", submit },
        labelled("Seq", seq),
        el("button", { type: "submit" }, "Show event"),
    );
}

function makeHold(list, changed) {
    const hold = button(
        "Hold",
        () => {
            list.hold(!list.isHeld);
            hold.setAttribute("aria-pressed", String(list.isHeld));
            changed();
        },
        { "aria-pressed": "false" },
    );
    return hold;
}

export function show(main, { params }, signal) {
    const status = el("p", { class: "count", role: "status" });
    const problem = el("div");
    const table = new Table({
        label: "Events, newest first",
        columns: COLUMNS,
        keyOf: (row) => row.seq,
        hrefOf: (row) => `#/events/${row.seq}`,
        cells: cellsOf,
    });
    let timer = 0;
    const later = () => (timer ||= setTimeout(draw, DRAW_MS));
    const list = new EventList({
        changed: later,
        failed: (error) => problem.replaceChildren(trouble(error)),
    });
    const older = button("Older events", () => {
        older.disabled = true;
        list.goBack();
    });
    function draw() {
        timer = 0;
        list.merge();
        table.setRows(list.rows);
        older.disabled = list.isReading || list.isFull || !list.hasOlder;
        setText(status, describe(list));
    }
    function begin() {
        problem.replaceChildren();
        setText(status, "reading");
        list.begin(filtersOf(params));
    }
    signal.addEventListener("abort", () => (list.end(), clearTimeout(timer)));
    main.append(
        el("h1", {}, "Events"),
        makeFilterForm(params, begin),
        makeGoForm(),
        el("div", { class: "toolbar" }, makeHold(list, later), older),
        status,
        problem,
        table.box,
    );
    begin();
}
