/* commands.js: the commands that a projector declares, as forms. Each carries an Idempotency-Key,
 * which stays the same until an answer came: to send a form again after the connection was lost
 * does nothing twice. A command for a record also says which version of it was seen (If-Match). */
import { newIdempotencyKey, Problem, request } from "./api.js";
import { confirmed } from "./dialog.js";
import { el, trouble } from "./dom.js";
import { full } from "./format.js";
import { makeForm } from "./form.js";
import { parse } from "./json.js";
import { session } from "./session.js";

const titleOf = (verb, collection) =>
    verb === "create" ? `New record of ${collection}` : verb[0].toUpperCase() + verb.slice(1);

async function targetOf({ verb }, collection, part) {
    const base = `/v1/${encodeURIComponent(collection)}`;
    if (verb === "create") return ["POST", base];
    const record = `${base}/${encodeURIComponent(await part())}`;
    return verb === "delete"
        ? ["DELETE", record]
        : ["POST", `${record}/${encodeURIComponent(verb)}`];
}

/* What the answer says, with a link to the record if it names one. */
function describeResult(answer, text, collection) {
    const record = text ? parse(text) : null;
    const replayed = answer.headers.get("Idempotent-Replayed") === "true";
    const location = answer.headers.get("Location")?.match(/^\/v1\/[^/]+\/([^/?]+)/);
    return el(
        "div",
        { class: "done", role: "status" },
        el(
            "p",
            {},
            el("strong", {}, replayed ? "Done before; this is the first result." : "Done."),
        ),
        location &&
            el(
                "p",
                {},
                el(
                    "a",
                    { href: `#/c/${encodeURIComponent(collection)}/${location[1]}` },
                    "Show the record",
                ),
            ),
        record &&
            el(
                "details",
                {},
                el("summary", {}, "The answer"),
                el("pre", { tabindex: "0" }, full(record)),
            ),
    );
}

function explain(error) {
    if (error instanceof Problem && error.status === 412)
        return Object.assign(
            new Error(
                "The record has changed since it was shown here. Look at it, " +
                    "and send the command again.",
            ),
            { title: "Not done" },
        );
    return error;
}

function makeCommand(command, { collection, part, etag, done }) {
    const { verb, summary, members, example } = command;
    const result = el("div");
    const form = makeForm(members, example);
    const submit = el("button", { type: "submit", class: verb === "delete" && "danger" }, "Send");
    let key = newIdempotencyKey(),
        sentBody = null;
    async function send() {
        const body = form.body();
        if (sentBody !== null && sentBody !== body) key = newIdempotencyKey();
        const [method, path] = await targetOf(command, collection.name, part);
        const sure =
            verb !== "delete" ||
            (await confirmed({
                title: `Delete from ${collection.name}?`,
                text: "The record's projector decides what this means.",
                verb: "Delete",
            }));
        if (!sure) return;
        sentBody = body;
        const headers = { "Idempotency-Key": key };
        if (body) headers["Content-Type"] = "application/json";
        if (verb !== "create" && etag?.()) headers["If-Match"] = etag();
        const answer = await request(path, { method, headers, body: body || undefined });
        key = newIdempotencyKey();
        sentBody = null;
        result.replaceChildren(describeResult(answer, await answer.text(), collection.name));
        done?.();
    }
    return el(
        "details",
        { class: "command" },
        el(
            "summary",
            {},
            titleOf(verb, collection.name),
            summary && el("span", { class: "hint" }, ` ${summary}`),
        ),
        el(
            "form",
            {
                "aria-label": titleOf(verb, collection.name),
                submit: (event) => {
                    event.preventDefault();
                    submit.disabled = true;
                    send()
                        .catch((error) => {
                            if (error instanceof Problem && error.status < 500)
                                key = newIdempotencyKey();
                            result.replaceChildren(trouble(explain(error)));
                        })
                        .finally(() => (submit.disabled = false));
                },
            },
            form.fields,
            submit,
        ),
        result,
    );
}

/* The forms for this token: none if it may not write. `only`: this verb; else all but "create".
 * `part` resolves to the record's part of the path, `etag` gives its version. */
export function makeCommands({ collection, only, part, etag, done }) {
    if (!session.may("write")) return [];
    return collection.commands
        .filter(({ verb }) => (only ? verb === only : verb !== "create"))
        .map((command) => makeCommand(command, { collection, part, etag, done }));
}
