/* collection.js: the records of a collection as a table.
 *
 * Up to LIVE_MAX records that match, the record stream is followed: the table has all of them, in
 * the chosen order, and each change is seen at once. Beyond that, the table has one page of the
 * list, which is asked for again every two seconds; the daemon answers 304 while nothing changed.
 */
import { Problem, request, pathTo } from "./api.js";
import { collectionNamed } from "./catalog.js";
import { makeCommands } from "./commands.js";
import { button, choice, el, labelled, setText, trouble } from "./dom.js";
import { makeFilters, makeOrder } from "./filters.js";
import { brief, count, number } from "./format.js";
import { parse } from "./json.js";
import { Rows } from "./rows.js";
import { follow } from "./stream.js";
import { Table } from "./table.js";

const LIVE_MAX = 200000,
    PAGE = 500,
    ASK_MS = 2000,
    DRAW_MS = 100;

const addressOf = (name, params) => {
    const query = params.toString();
    return `#/c/${encodeURIComponent(name)}${query ? "?" + query : ""}`;
};
export const recordAddress = (name, key) =>
    `#/c/${encodeURIComponent(name)}/${encodeURIComponent(key)}`;

/* The filters alone, for the API. */
function filtersOf(params) {
    const filters = new URLSearchParams(params);
    filters.delete("order");
    filters.delete("mode");
    return filters;
}

/* ---- Columns --------------------------------------------------------------------------------- */

/* Of fields that repeat the key in all rows, such as `id`, there is no column. */
function columnFields(fields, rows) {
    const some = rows.slice(0, 50);
    return fields.filter(({ name }) =>
        some.length === 0 ? name !== "id" : some.some(({ key, record }) => record[name] !== key),
    );
}

function sortOf(name, order) {
    if (order === name) return "ascending";
    return order === "-" + name ? "descending" : "none";
}

function columnsOf(fields, order) {
    return [
        { name: "", title: "Key", sort: order ? "none" : "ascending" },
        ...fields.map(({ name, kind, indexed }) => ({
            name,
            title: name,
            isNumber: kind === "integer" || kind === "number",
            sort: indexed ? sortOf(name, order) : null,
        })),
        {
            name: "changed",
            title: "Changed at",
            isNumber: true,
            sort: sortOf("changed", order),
        },
    ];
}

function makeTable(name, onSort) {
    const shown = { fields: [], key: "" };
    const table = new Table({
        label: `Records of ${name}`,
        columns: [{ name: "", title: "Key" }],
        keyOf: (row) => row.key,
        hrefOf: (row) => recordAddress(name, row.key),
        cells: ({ key, record, changed }) => [
            brief(key),
            ...shown.fields.map((field) => brief(record[field.name])),
            number(changed),
        ],
        onSort,
    });
    return {
        box: table.box,
        toTop: () => table.toTop(),
        show(rows, fields, order) {
            const columns = columnFields(fields, rows);
            const key = JSON.stringify([columns.map((one) => one.name), order]);
            if (key !== shown.key) {
                Object.assign(shown, { fields: columns, key });
                table.setColumns(columnsOf(columns, order));
            }
            table.setRows(rows);
        },
    };
}

/* ---- All records, live ----------------------------------------------------------------------- */

async function showLive(view, signal) {
    const rows = new Rows();
    let isWhole = false,
        interruption = null,
        timer = 0;
    rows.setOrder(view.order);
    const draw = () => {
        timer = 0;
        view.table.show(rows.sorted(), view.fields, view.order);
        const what = count(rows.count, "record");
        view.tell(
            interruption !== null
                ? `${what}; ${interruption}; trying again`
                : isWhole
                  ? `${what}, live`
                  : `${what} so far, reading`,
        );
    };
    const later = () => (timer ||= setTimeout(draw, DRAW_MS));
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
    view.reorder = () => {
        rows.setOrder(view.order);
        draw();
    };
    await follow(pathTo(["v1", view.name]) + query(view.filters), {
        signal,
        begin() {
            rows.clear();
            isWhole = false;
            later();
        },
        frame(text) {
            const frame = parse(text);
            if ("key" in frame) rows.take(frame);
            if (rows.count > LIVE_MAX) view.tooMany();
            if (frame.snapshot) isWhole = true;
            later();
        },
        state(now, why) {
            const reason = why instanceof Problem ? why.message : "the connection was interrupted";
            interruption = now === "waiting" ? reason : null;
            later();
        },
    });
}

const query = (params) => (params.toString() ? "?" + params.toString() : "");

/* ---- One page of many ------------------------------------------------------------------------ */

const toRow = ({ key, record, seq }) => ({ key, record, changed: seq });

async function readPage(view, after, etag, signal) {
    const params = new URLSearchParams(view.filters);
    if (view.order) params.set("order", view.order);
    params.set("limit", PAGE);
    params.set("count", "true");
    params.set("frames", "true");
    if (after) params.set("after", after);
    const headers = etag ? { "If-None-Match": etag } : {};
    const answer = await request(pathTo(["v1", view.name]) + query(params), { headers, signal });
    return answer.status === 304
        ? null
        : { etag: answer.headers.get("ETag"), body: parse(await answer.text()) };
}

async function showPages(view, signal) {
    const before = []; // `after` of the pages before this one
    let after = "",
        next,
        page = null,
        timer = 0;
    const earlier = button("Previous page", () => go(before.pop() ?? ""));
    const later = button("Next page", () => {
        before.push(after);
        go(next);
    });
    view.pager.replaceChildren(earlier, later);
    signal.addEventListener("abort", () => (clearTimeout(timer), view.pager.replaceChildren()));
    function go(to) {
        after = to;
        page = null;
        view.table.toTop();
        ask();
    }
    function draw() {
        const list = page.body[view.name];
        next = page.body.next;
        earlier.disabled = before.length === 0;
        later.disabled = next === undefined;
        view.table.show(list.map(toRow), view.fields, view.order);
        const from = before.length * PAGE;
        view.tell(
            list.length === 0
                ? "no records"
                : `${number(from + 1)} to ` +
                      `${number(from + list.length)} of ${count(page.body.count, "record")}`,
        );
    }
    async function ask() {
        clearTimeout(timer);
        const asked = after;
        try {
            const fresh = await readPage(view, after, page?.etag, signal);
            if (asked !== after) return;
            view.failed.replaceChildren();
            page = fresh || page;
            if (fresh) draw();
        } catch (error) {
            if (signal.aborted) return;
            view.fail(error);
            if (error instanceof Problem && error.status < 500) return;
        }
        if (!signal.aborted) timer = setTimeout(ask, ASK_MS);
    }
    view.reorder = () => {
        before.length = 0;
        go("");
    };
    await ask();
}

/* ---- The view -------------------------------------------------------------------------------- */

async function countOf(view, signal) {
    const params = new URLSearchParams(view.filters);
    params.set("limit", "1");
    params.set("count", "true");
    const answer = await request(pathTo(["v1", view.name]) + query(params), { signal });
    return parse(await answer.text()).count;
}

/* Runs one way of showing until another one begins. */
function makeRunner(view, signal) {
    let controller = null;
    signal.addEventListener("abort", () => controller?.abort());
    return async () => {
        controller?.abort();
        controller = new AbortController();
        const own = controller.signal;
        view.failed.replaceChildren();
        view.tell("reading");
        try {
            const isMany = (await countOf(view, own)) > LIVE_MAX;
            view.mode.querySelector("[value=live]").disabled = isMany;
            if (isMany) view.mode.value = "pages";
            await (view.mode.value === "pages" ? showPages : showLive)(view, own);
        } catch (error) {
            if (own.aborted) return;
            view.tell("");
            view.fail(error);
        }
    };
}

export async function show(main, { name, params }, signal) {
    const declared = await collectionNamed(name);
    if (signal.aborted) return;
    const status = el("p", { class: "count", role: "status" });
    const view = {
        name,
        fields: declared.fields,
        order: params.get("order") || "",
        filters: filtersOf(params),
        failed: el("div"),
        pager: el("div", { class: "pager" }),
        mode: choice(
            [
                ["live", "All, live"],
                ["pages", "Page by page"],
            ],
            params.get("mode") || "live",
            { change: () => changed({ mode: view.mode.value }) },
        ),
        tell: (text) => setText(status, text),
        fail: (error) => error.name !== "AbortError" && view.failed.replaceChildren(trouble(error)),
        reorder: () => {},
        tooMany: () => {},
    };
    const order = makeOrder(declared.fields, params, () => changed({ order: order.value }));
    view.table = makeTable(name, ({ name: column, sort }) => {
        const wanted = column && sort === "ascending" ? "-" + column : column;
        order.value = wanted;
        changed({ order: wanted });
    });
    const run = makeRunner(view, signal);
    view.tooMany = run;
    /* The address follows what is chosen, without a new entry in the browser's history. */
    function changed({ order: newOrder, mode }) {
        if (newOrder !== undefined) params.set("order", newOrder);
        if (mode !== undefined) params.set("mode", mode);
        for (const name of ["order", "mode"]) if (!params.get(name)) params.delete(name);
        history.replaceState(null, "", addressOf(name, params));
        view.order = params.get("order") || "";
        view.filters = filtersOf(params);
        view.table.toTop();
        if (newOrder !== undefined && mode === undefined) view.reorder();
        else run();
    }
    main.append(
        el("h1", {}, name),
        ...makeCommands({ collection: declared, only: "create" }),
        ...makeFilters(declared.fields, params, () => changed({})),
        el(
            "div",
            { class: "toolbar" },
            labelled("Order", order),
            labelled("Show", view.mode),
            view.pager,
        ),
        status,
        view.failed,
        view.table.box,
    );
    run();
}
