/* overview.js: the first view: what is wrong, where the log stands, what each collection has. */
import { makeChart } from "./chart.js";
import { el, facts } from "./dom.js";
import { bytes, count, duration, number, time } from "./format.js";
import { diskLine, findings, inAWord } from "./health.js";
import { family, label, sum } from "./metrics.js";
import { onChange, watch } from "./watch.js";

function describeFinding({ level, what, more, link }) {
    return el(
        "li",
        { class: level },
        el(
            "p",
            {},
            el("strong", {}, what),
            " ",
            more,
            " ",
            link && el("a", { href: link }, "Look"),
        ),
    );
}

function describeHealth(status, list) {
    return [
        el("h2", { id: "health" }, inAWord(status, list)),
        list.length > 0 && el("ul", { class: "findings" }, list.map(describeFinding)),
    ];
}

function followersOf(metrics) {
    const kinds = family(metrics, "reel_followers")
        .filter(([, value]) => value > 0)
        .map(([labels, value]) => `${value} by ${label(labels, "kind")}`);
    const all = number(sum(metrics, "reel_followers"));
    return kinds.length ? `${all} (${kinds.join(", ")})` : all;
}

function checkpointOf(status, metrics) {
    const at = metrics.get("reel_checkpoint_cursor");
    const age = metrics.get("reel_memtable_age_seconds") || 0;
    if (at === undefined) return null;
    return (
        `at ${number(at)}; ${count(Math.max(0, status.cursor - at), "event")} after it` +
        (age > 0 ? `, the oldest change ${duration(age)} old` : "")
    );
}

function describePosition(status, metrics) {
    return facts([
        ["Cursor", number(status.cursor)],
        ["Lag", status.lag === 0 ? "none" : count(status.lag, "event")],
        ["Log", `${number(status.first_seq)} to ${number(status.head)}`],
        [
            "Outcomes",
            `${number(status.applied)} applied, ${number(status.ignored)} ignored, ` +
                `${number(status.rejected)} rejected`,
        ],
        ["Checkpoint", metrics && checkpointOf(status, metrics)],
        ["Disk", diskLine(status)],
        ["Feed", `${status.feed.kind}, ${status.feed.state}`],
        ["Followers", metrics && followersOf(metrics)],
        [
            "Queue",
            status.queue.events === 0
                ? "empty"
                : `${count(status.queue.events, "event")}, ${bytes(status.queue.bytes)}`,
        ],
        ["Connections", number(status.connections)],
        ["Started", `${time(status.started_at)}, ${duration(status.uptime_s)} ago`],
        ["Epoch", status.epoch],
    ]);
}

function describeProjection(one, head) {
    const isBehind = one.state !== "live";
    const progress = one.progress ?? (isBehind && { cursor: one.cursor, to: head });
    const link = el("a", { href: `#/c/${encodeURIComponent(one.collection)}` }, one.collection);
    return el(
        "tr",
        {},
        el("th", { scope: "row" }, link),
        el(
            "td",
            {},
            el("span", { class: isBehind ? "state warn" : "state good" }, one.state),
            progress && !isBehind && ", being rebuilt",
            progress &&
                el("progress", {
                    max: Math.max(progress.to, 1),
                    value: progress.cursor,
                    "aria-label": `${one.collection}: how much of the log is folded`,
                }),
        ),
        el("td", { class: "number" }, number(one.records)),
        el("td", { class: "number" }, number(one.applied)),
        el("td", { class: "number" }, number(one.rejected)),
        el("td", { class: "number" }, number(one.changed)),
        el("td", { class: "number" }, number(one.generation)),
        el("td", {}, el("code", {}, one.digest)),
    );
}

function describeProjections(status) {
    const heads = [
        "Collection",
        "State",
        "Records",
        "Applied",
        "Rejected",
        "Changed at",
        "Generation",
        "Digest",
    ];
    const numbers = new Set(["Records", "Applied", "Rejected", "Changed at", "Generation"]);
    return el(
        "table",
        { class: "plain" },
        el(
            "thead",
            {},
            el(
                "tr",
                {},
                heads.map((head) =>
                    el("th", { scope: "col", class: numbers.has(head) && "number" }, head),
                ),
            ),
        ),
        el(
            "tbody",
            {},
            status.projections.map((one) => describeProjection(one, status.head)),
        ),
    );
}

/* Parts are made again only if they changed: focus and selections stay. */
function replaceIfNew(place, key, make) {
    const text = JSON.stringify(key);
    if (place.reelShown === text) return;
    place.reelShown = text;
    const focused =
        place.contains(document.activeElement) && document.activeElement.getAttribute("href");
    place.replaceChildren(...[make()].flat().filter(Boolean));
    if (focused)
        [...place.querySelectorAll("a")].find((a) => a.getAttribute("href") === focused)?.focus();
}

export function show(main, params, signal) {
    const health = el("section", { "aria-labelledby": "health", class: "health" });
    const position = el("section", { "aria-label": "Position" });
    const collections = el("div", {
        class: "scroll",
        tabindex: "0",
        role: "region",
        "aria-label": "Collections",
    });
    const chart = makeChart();
    main.append(
        el("h1", {}, "Overview"),
        health,
        el("section", { "aria-label": "Rate" }, chart.figure),
        position,
        el("h2", {}, "Collections"),
        collections,
    );
    onChange(signal, () => {
        const { status, metrics, newestRejected } = watch;
        if (!status) return;
        const list = findings(status, metrics, newestRejected);
        replaceIfNew(health, [list, list.length === 0 && Math.floor(status.uptime_s / 60)], () =>
            describeHealth(status, list),
        );
        replaceIfNew(
            position,
            [status, metrics && [...metrics].filter(([key]) => key.startsWith("reel_"))],
            () => describePosition(status, metrics),
        );
        replaceIfNew(collections, [status.projections, status.head], () =>
            describeProjections(status),
        );
        chart.draw(watch.samples);
    });
}
