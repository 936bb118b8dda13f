/* rejected.js: rejected events by reason, with counts. The API gives them one by one, the newest
 * first, so the newest ones are counted here; the total is the daemon's. */
import { getJson, pathTo } from "./api.js";
import { catalog } from "./catalog.js";
import { button, choice, el, labelled, setText, trouble } from "./dom.js";
import { count, number, time } from "./format.js";
import { watch } from "./watch.js";

const PAGE = 1000,
    PAGES = 10,
    SHOWN = 20;

/* Groups of equal collection and reason, the most frequent first; each has its newest events. */
function groupsOf(rejections) {
    const groups = new Map();
    for (const one of rejections) {
        const key = JSON.stringify([one.collection, one.reason]);
        if (!groups.has(key)) groups.set(key, { ...one, count: 0, events: [] });
        const group = groups.get(key);
        group.count++;
        if (group.events.length < SHOWN) group.events.push(one);
    }
    return [...groups.values()].sort((a, b) => b.count - a.count);
}

function describeEvent({ seq, type, id, received_at: received }) {
    return el(
        "li",
        {},
        el("a", { href: `#/events/${seq}` }, number(seq)),
        " ",
        el("code", {}, type || "(no type)"),
        id && ` ${id}`,
        el("span", { class: "hint" }, ` ${time(received)}`),
    );
}

function describeGroup(group) {
    const left = group.count - group.events.length;
    return el(
        "li",
        {},
        el(
            "details",
            {},
            el(
                "summary",
                {},
                el("strong", {}, number(group.count)),
                ` ${group.collection ?? "every collection"}: `,
                group.reason,
            ),
            el(
                "ul",
                {},
                group.events.map(describeEvent),
                left > 0 && el("li", {}, `and ${count(left, "older one")}`),
            ),
        ),
    );
}

export async function show(main, { params }, signal) {
    const { collections } = await catalog();
    if (signal.aborted) return;
    const list = el("ol", { class: "groups" }),
        status = el("p", { role: "status", class: "count" });
    const failed = el("div"),
        more = button("Count older ones, too", () => read());
    let rejections = [],
        next = "",
        round = 0;
    const names = [["", "All"], ...collections.map(({ name }) => [name, name])];
    const select = choice(names, params.get("collection") || "", {
        change: () => {
            const text = select.value
                ? "?" + new URLSearchParams({ collection: select.value })
                : "";
            history.replaceState(null, "", "#/rejected" + text);
            begin();
        },
    });

    function draw() {
        list.replaceChildren(...groupsOf(rejections).map(describeGroup));
        more.hidden = next === undefined;
        const all =
            watch.status && !select.value
                ? `; ${number(watch.status.rejected)} rejected in all`
                : "";
        setText(
            status,
            rejections.length === 0
                ? "No event was rejected."
                : `The newest ${count(rejections.length, "rejection")}, by reason${all}`,
        );
    }
    async function ask(mine) {
        for (let i = 0; i < PAGES && next !== undefined; i++) {
            const page = await getJson(
                pathTo(["v1", "rejected"], { collection: select.value, before: next, limit: PAGE }),
                signal,
            );
            if (mine !== round) return;
            rejections.push(...page.rejected);
            next = page.next;
        }
        draw();
    }
    function read() {
        failed.replaceChildren();
        more.disabled = true;
        ask(round)
            .catch((error) => !signal.aborted && failed.replaceChildren(trouble(error)))
            .finally(() => (more.disabled = false));
    }
    function begin() {
        rejections = [];
        next = "";
        round++;
        setText(status, "reading");
        read();
    }
    main.append(
        el("h1", {}, "Rejected events"),
        el(
            "div",
            { class: "toolbar" },
            labelled("Collection", select),
            button("Read again", begin),
        ),
        status,
        failed,
        list,
        more,
    );
    begin();
}
