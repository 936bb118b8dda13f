/* plugins.js: what is loaded: plugins with version and ABI, collections with what they declare; and
 * what an administrator may do with them, each asked once more before. */
import { Problem, request } from "./api.js";
import { catalog } from "./catalog.js";
import { confirmed } from "./dialog.js";
import { button, el, facts, setText, trouble } from "./dom.js";
import { full } from "./format.js";
import { session } from "./session.js";
import { onChange, watch } from "./watch.js";

/* What each action means, as its question says. */
const ACTIONS = {
    pause: ["Pause", "Its records stay as they are, and are marked as stale, until it is resumed."],
    resume: ["Resume", "It folds the events that came meanwhile, and goes on."],
    release: [
        "Release",
        "It folds the events that came since it was stopped, and goes on. Events that are set " +
            "aside stay so. If its projector crashes too often, it is stopped again.",
    ],
    rebuild: [
        "Rebuild",
        "Its records are made again from the log, beside those that are served. " +
            "This reads the whole log.",
    ],
};

/* Other words for what the daemon says, where they help. */
function explain(error, path) {
    if (!(error instanceof Problem)) return error;
    const words = {
        403: "This token may not do this: it needs a token of the kind admin.",
        404: `This daemon has no route POST ${path}: it is of another version than this page.`,
        405: `This daemon has no route POST ${path}: it is of another version than this page.`,
    }[error.status];
    return words ? Object.assign(new Error(words), { title: error.title }) : error;
}

function makeAction({ path, title, text, verb, result }) {
    async function run() {
        if (!(await confirmed({ title, text, verb }))) return;
        result.replaceChildren();
        try {
            const answer = await request(path, { method: "POST" });
            const where = answer.headers.get("Location");
            result.append(
                el(
                    "p",
                    { role: "status" },
                    `${verb}: accepted.`,
                    where && [" It goes on at ", el("code", {}, where), "."],
                ),
            );
        } catch (error) {
            result.append(trouble(explain(error, path)));
        }
    }
    return button(verb, run);
}

function makeActions(name) {
    const result = el("div");
    const actions = Object.entries(ACTIONS).map(([action, [verb, text]]) =>
        makeAction({
            path: `/v1/collections/${encodeURIComponent(name)}/${action}`,
            title: `${verb} ${name}?`,
            text,
            verb,
            result,
        }),
    );
    return [
        el("div", { class: "toolbar", role: "group", "aria-label": `Actions on ${name}` }, actions),
        result,
    ];
}

function makeReload() {
    const result = el("div");
    return [
        el(
            "div",
            { class: "toolbar" },
            makeAction({
                path: "/v1/plugins/reload",
                verb: "Reload plugins",
                title: "Reload the plugins?",
                text:
                    "The plugin directory is read again. Collections that changed " +
                    "are built beside those that are served; then the daemon changes to them, " +
                    "with a pause of at most a second.",
                result,
            }),
        ),
        result,
    ];
}

/* ---- What is declared ------------------------------------------------------------------------ */

function describePlugin({ name, version, abi, path }) {
    return el(
        "tr",
        {},
        el("th", { scope: "row" }, name),
        el("td", {}, version || "–"),
        el("td", {}, abi),
        el("td", {}, el("code", {}, path || "–")),
    );
}

function describeField({ name, kind, values, indexed, is_name: isName, refers_to: refersTo }) {
    const notes = [
        indexed && "has an order",
        isName && "is the name",
        refersTo && `refers to ${refersTo}`,
    ];
    return el(
        "li",
        {},
        el("code", {}, name),
        ` ${values ? values.join(" | ") : kind}`,
        el(
            "span",
            { class: "hint" },
            notes.filter(Boolean).map((note) => `, ${note}`),
        ),
    );
}

function describeMember({ name, kind, values, required, summary }) {
    return el(
        "li",
        {},
        el("code", {}, name),
        ` ${values ? values.join(" | ") : kind}${required ? ", required" : ""}`,
        summary && el("span", { class: "hint" }, ` ${summary}`),
    );
}

function describeEvent({ type, summary, strict, members, example }) {
    return el(
        "li",
        {},
        el("code", {}, type),
        summary && ` ${summary}`,
        strict && el("span", { class: "hint" }, " (must be as declared)"),
        members && el("ul", {}, members.map(describeMember)),
        example !== undefined &&
            el(
                "details",
                {},
                el("summary", {}, "Example"),
                el("pre", { tabindex: "0" }, full(example)),
            ),
    );
}

function section(title, items, describe) {
    return (
        items.length > 0 &&
        el(
            "details",
            {},
            el("summary", {}, `${title} (${items.length})`),
            el("ul", {}, items.map(describe)),
        )
    );
}

function describeCollection(declared, signal) {
    const state = el("span", { class: "state" });
    onChange(signal, () => {
        const one = watch.status?.projections.find(
            ({ collection }) => collection === declared.name,
        );
        setText(state, one?.state || "unknown");
        state.className = one?.state === "live" ? "state good" : "state warn";
    });
    return el(
        "section",
        { "aria-label": declared.name },
        el(
            "h3",
            {},
            el("a", { href: `#/c/${encodeURIComponent(declared.name)}` }, declared.name),
            " ",
            state,
        ),
        facts([
            ["Revision", declared.revision],
            ["Derived from", declared.derives_from],
            [
                "Event types",
                declared.type_prefixes?.map((type) => el("div", {}, el("code", {}, type))),
            ],
        ]),
        session.may("admin") && makeActions(declared.name),
        section("Fields", declared.fields, describeField),
        section("Events", declared.events, describeEvent),
        section("Commands", declared.commands, ({ verb, summary }) =>
            el("li", {}, el("code", {}, verb), summary && ` ${summary}`),
        ),
        section("Settings", declared.settings, ({ name, help, default: usual }) =>
            el("li", {}, el("code", {}, name), ` ${help || ""}`, usual && ` (default ${usual})`),
        ),
    );
}

export async function show(main, params, signal) {
    const { plugins, collections } = await catalog();
    if (signal.aborted) return;
    main.append(
        el("h1", {}, "Plugins"),
        ...(session.may("admin") ? makeReload() : []),
        el(
            "div",
            { class: "scroll", tabindex: "0", role: "region", "aria-label": "Loaded plugins" },
            el(
                "table",
                { class: "plain" },
                el(
                    "thead",
                    {},
                    el(
                        "tr",
                        {},
                        ["Plugin", "Version", "ABI", "File"].map((head) =>
                            el("th", { scope: "col" }, head),
                        ),
                    ),
                ),
                el("tbody", {}, plugins.map(describePlugin)),
            ),
        ),
        el("h2", {}, "Collections"),
        ...collections.map((one) => describeCollection(one, signal)),
    );
}
