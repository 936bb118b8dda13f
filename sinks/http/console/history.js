/* history.js: what happened to one record, as a timeline: each event that changed it, with the
 * members that it changed, before and after. On demand, since the daemon folds the log for it. */
import { getJson, pathTo } from "./api.js";
import { button, el, setText, trouble } from "./dom.js";
import { brief, count, number, time } from "./format.js";
import { session } from "./session.js";

const PAGE = 100;

const shown = (value) => (value === null || value === undefined ? "null" : brief(value, 400));

function describeChange(name, before, after) {
    return el(
        "li",
        {},
        el("strong", {}, name),
        ": ",
        before && [el("del", {}, shown(before[name])), " → "],
        el("ins", {}, shown(after[name])),
    );
}

function describeEntry(entry, before) {
    const { seq, type, record, changed } = entry;
    return el(
        "li",
        {},
        el(
            "p",
            {},
            el("a", { href: `#/events/${seq}` }, number(seq)),
            " ",
            el("code", {}, type || ""),
            el("span", { class: "hint" }, ` ${time(entry.time || entry.received_at)}`),
        ),
        record === null
            ? el("p", {}, "The record was deleted.")
            : el(
                  "ul",
                  { class: "changes" },
                  (changed || []).map((name) => describeChange(name, before, record)),
              ),
    );
}

/* `part` resolves to the record's part of the path. */
export function makeHistory(name, part, signal) {
    const heading = el("h2", {}, "History");
    if (!session.may("history"))
        return [
            heading,
            el(
                "p",
                { class: "hint" },
                "This token may not look back: that needs one of " + "the kind history or write.",
            ),
        ];
    const list = el("ol", { class: "timeline" }),
        status = el("p", { role: "status" }),
        failed = el("div");
    const more = button("Show the history", () => read());
    let after = 0,
        before = null;
    async function ask() {
        const page = await getJson(
            pathTo(["v1", name, await part(), "history"], { limit: PAGE, after: after || "" }),
            signal,
        );
        for (const entry of page.history) {
            list.append(describeEntry(entry, before));
            before = entry.record;
            after = entry.seq;
        }
        more.textContent = page.next === undefined ? "Look for later events" : "Show later events";
        setText(status, `${count(list.childElementCount, "change")}, up to ${number(page.cursor)}`);
    }
    function read() {
        more.disabled = true;
        setText(status, "The daemon folds the log …");
        failed.replaceChildren();
        ask()
            .catch((error) => {
                setText(status, "");
                if (!signal.aborted) failed.replaceChildren(trouble(error));
            })
            .finally(() => (more.disabled = false));
    }
    return [heading, list, status, failed, more];
}
