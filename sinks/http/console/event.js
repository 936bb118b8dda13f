/* event.js: one event: what the log has of it, its outcome in each collection with the reason, and
 * its bytes as they came. */
import { getJson, request } from "./api.js";
import { el, facts, trouble } from "./dom.js";
import { bytes, full, number, time } from "./format.js";

const SHOWN_MAX = 256 * 1024;

function describeOutcome({ collection, outcome, reason }) {
    return el(
        "tr",
        {},
        el("th", { scope: "row" }, collection ?? "every collection"),
        el(
            "td",
            {},
            el(
                "span",
                { class: outcome === "rejected" ? "state bad" : "state" },
                outcome || "not folded there",
            ),
        ),
        el("td", {}, reason || ""),
    );
}

function describe(event) {
    const inside = event.event || {};
    return [
        facts(
            [
                ["Type", inside.type],
                ["Id", inside.id],
                ["Source", inside.source],
                ["Subject", inside.subject],
                ["Time", inside.time],
                ["Received", time(event.received_at)],
                ["Size", bytes(event.size)],
                ["Sent by", event.principal],
                ["Error", event.error],
            ].map(([name, value]) => [
                name,
                value === null || value === undefined
                    ? null
                    : typeof value === "string"
                      ? value
                      : full(value),
            ]),
        ),
        el("h2", {}, "Outcomes"),
        el(
            "div",
            { class: "scroll", tabindex: "0", role: "region", "aria-label": "Outcomes" },
            el(
                "table",
                { class: "plain" },
                el(
                    "thead",
                    {},
                    el(
                        "tr",
                        {},
                        ["Collection", "Outcome", "Reason"].map((head) =>
                            el("th", { scope: "col" }, head),
                        ),
                    ),
                ),
                el("tbody", {}, event.outcomes.map(describeOutcome)),
            ),
        ),
    ];
}

const hexLine = (list, at) =>
    at.toString(16).padStart(8, "0") +
    "  " +
    Array.from(list, (byte) => byte.toString(16).padStart(2, "0"))
        .join(" ")
        .padEnd(48) +
    " " +
    Array.from(list, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join(
        "",
    );

function hexDump(list) {
    const lines = [];
    for (let at = 0; at < list.length; at += 16)
        lines.push(hexLine(list.subarray(at, at + 16), at));
    return lines.join("\n");
}

/* The bytes as text if they are UTF-8, else as numbers. */
function describeBytes(all) {
    const list = all.subarray(0, SHOWN_MAX);
    let text;
    try {
        text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
            .decode(all)
            .slice(0, SHOWN_MAX);
    } catch {
        text = hexDump(list);
    }
    return [
        el("h2", {}, `Bytes (${number(all.length)})`),
        el("pre", { tabindex: "0", role: "region", "aria-label": "The bytes of the event" }, text),
        all.length > SHOWN_MAX &&
            el("p", { class: "hint" }, `The first ${number(SHOWN_MAX)} of them.`),
    ];
}

export async function show(main, { seq }, signal) {
    const before = BigInt(seq) > 1n && String(BigInt(seq) - 1n),
        after = String(BigInt(seq) + 1n);
    const place = el("div"),
        raw = el("section", { "aria-label": "Bytes" });
    main.append(
        el("h1", {}, `Event ${seq}`),
        el(
            "p",
            { class: "toolbar" },
            before && el("a", { href: `#/events/${before}` }, "Previous"),
            el("a", { href: `#/events/${after}` }, "Next"),
            el("a", { href: "#/events" }, "All events"),
        ),
        place,
        raw,
    );
    try {
        place.append(...describe(await getJson(`/v1/events/${seq}`, signal)));
        const answer = await request(`/v1/events/${seq}/raw`, { signal });
        raw.append(...describeBytes(new Uint8Array(await answer.arrayBuffer())).filter(Boolean));
    } catch (error) {
        if (!signal.aborted) place.append(trouble(error));
    }
}
