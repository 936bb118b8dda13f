/* rejected.js: rejected events by reason, with counts; of each reason the newest events, on
 * demand. */
import { getJson, pathTo } from "./api.js";
import { catalog } from "./catalog.js";
import { button, choice, el, labelled, setText, trouble } from "./dom.js";
import { count, number, time } from "./format.js";

const SHOWN = 20; // events of one reason
const REASONS = 1000;

function describeEvent(kind, { seq, type, id, received_at: received, reason }) {
    return el(
        "li",
        {},
        el("a", { href: `#/events/${seq}` }, number(seq)),
        " ",
        el("code", {}, type || "(no type)"),
        id && ` ${id}`,
        el("span", { class: "hint" }, ` ${time(received)}`),
        reason !== kind && el("div", {}, reason),
    );
}

/* The newest events of a reason. Without a collection, those that are not JSON. */
async function readEvents({ collection, reason, count: all }, list, signal) {
    const query = new URLSearchParams({ collection: collection ?? "", reason, limit: SHOWN });
    const { rejected } = await getJson(`/v1/rejected?${query}`, signal);
    const left = all - rejected.length;
    list.replaceChildren(
        ...rejected.map((one) => describeEvent(reason, one)),
        left > 0 ? el("li", { class: "hint" }, `and ${count(left, "older one")}`) : "",
    );
}

function describeReason(one, signal) {
    const { collection, reason, last_reason: last } = one;
    const events = el("ul", {}, el("li", { class: "hint" }, "reading"));
    function toggle({ target }) {
        if (!target.open) return;
        readEvents(one, events, signal).catch(
            (error) => signal.aborted || events.replaceChildren(el("li", {}, trouble(error))),
        );
    }
    return el(
        "li",
        {},
        el(
            "details",
            { toggle },
            el(
                "summary",
                {},
                el("strong", {}, number(one.count)),
                ` ${collection ?? "every collection"}: `,
                last === reason ? reason : `${reason} …`,
            ),
            events,
        ),
    );
}

function describeCount({ count: all, others, next }) {
    if (all === 0) return "No event was rejected.";
    const counted = `${next === undefined ? "" : "The newest "}${count(all, "rejection")}, by reason`;
    return others > 0 ? `${counted}; ${number(others)} have rarer reasons, not shown` : counted;
}

export async function show(main, { params }, signal) {
    const { collections } = await catalog();
    if (signal.aborted) return;
    const list = el("ol", { class: "groups" }),
        status = el("p", { role: "status", class: "count" }),
        failed = el("div");
    const names = [["", "All"], ...collections.map(({ name }) => [name, name])];
    const select = choice(names, params.get("collection") || "", {
        change: () => {
            const text = select.value
                ? "?" + new URLSearchParams({ collection: select.value })
                : "";
            history.replaceState(null, "", "#/rejected" + text);
            read();
        },
    });
    let round = 0;

    async function read() {
        const mine = ++round;
        failed.replaceChildren();
        setText(status, "reading");
        const query = { collection: select.value, limit: REASONS };
        try {
            const answer = await getJson(pathTo(["v1", "rejected", "reasons"], query), signal);
            if (mine !== round) return;
            list.replaceChildren(...answer.reasons.map((one) => describeReason(one, signal)));
            setText(status, describeCount(answer));
        } catch (error) {
            if (!signal.aborted && mine === round) failed.replaceChildren(trouble(error));
        }
    }
    main.append(
        el("h1", {}, "Rejected events"),
        el(
            "div",
            { class: "toolbar" },
            labelled("Collection", select),
            button("Read again", read),
        ),
        status,
        failed,
        list,
    );
    read();
}
