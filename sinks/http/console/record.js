/* record.js: one record with its members, live; its history; and its commands as forms. */
import { keyPart, pathTo, Problem, request } from "./api.js";
import { collectionNamed } from "./catalog.js";
import { makeCommands } from "./commands.js";
import { el, facts, setText, trouble } from "./dom.js";
import { full, number } from "./format.js";
import { makeHistory } from "./history.js";
import { parse } from "./json.js";
import { follow } from "./stream.js";

export const shownMember = (value) => {
    if (value === null || value === undefined) return el("span", { class: "none" }, "null");
    if (typeof value === "object") return el("pre", { tabindex: "0" }, full(value));
    return value === "" ? el("span", { class: "none" }, "(empty)") : full(value);
};

const eventLink = (seq) => el("a", { href: `#/events/${seq}` }, number(seq));

/* A field that refers to another collection is a link to the record there. */
function describeMembers(declared, record) {
    return facts(
        Object.entries(record).map(([name, value]) => {
            const field = declared.fields.find((one) => one.name === name);
            const isLink = field?.refers_to && typeof value === "string" && value;
            return [
                name,
                isLink
                    ? el(
                          "a",
                          {
                              href:
                                  `#/c/${encodeURIComponent(field.refers_to)}/` +
                                  encodeURIComponent(value),
                          },
                          value,
                      )
                    : shownMember(value),
            ];
        }),
    );
}

export async function show(main, { name, key }, signal) {
    const declared = await collectionNamed(name);
    if (signal.aborted) return;
    const members = el("section", { "aria-label": "Members" });
    const changed = el("p", { class: "count", role: "status" });
    const view = { etag: null, isAsking: false, isOld: false };
    const part = () => keyPart(key);
    async function read() {
        const headers = view.etag ? { "If-None-Match": view.etag } : {};
        const path = pathTo(["v1", name, await part()]);
        const answer = await request(path, { headers, signal });
        if (answer.status === 304) return;
        view.etag = answer.headers.get("ETag");
        const record = parse(await answer.text()),
            seq = answer.headers.get("Reel-Changed");
        members.replaceChildren(describeMembers(declared, record));
        setText(changed, "");
        changed.replaceChildren("Last changed by the event ", eventLink(seq));
    }
    function fail(error) {
        if (signal.aborted) return;
        view.etag = null;
        setText(changed, "");
        const isGone = error instanceof Problem && error.status === 404;
        members.replaceChildren(
            isGone ? el("p", {}, "There is no record with this key.") : trouble(error),
        );
    }
    async function ask() {
        view.isOld = true;
        if (view.isAsking) return;
        view.isAsking = true;
        while (view.isOld && !signal.aborted) {
            view.isOld = false;
            await read().catch(fail);
        }
        view.isAsking = false;
    }
    /* Reads again when the record has changed, or its tag, of which the generation is part. */
    async function keepUp() {
        let generation;
        await follow(pathTo(["v1", name, await part()]), {
            signal,
            begin() {},
            frame(text) {
                const frame = parse(text);
                if ("key" in frame || frame.generation !== generation) ask();
                generation = frame.generation ?? generation;
            },
            state: (now) => now === "connected" && ask(),
        });
    }
    main.append(
        el("h1", {}, key === "" ? "(empty key)" : key),
        el("p", {}, el("a", { href: `#/c/${encodeURIComponent(name)}` }, `All records of ${name}`)),
        changed,
        members,
        ...makeCommands({
            collection: declared,
            part,
            etag: () => view.etag,
            done: ask,
        }),
        ...makeHistory(name, part, signal),
    );
    keepUp().catch(fail);
}
