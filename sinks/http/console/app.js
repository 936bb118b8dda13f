/* app.js: the frame around the views: which one the address names, the navigation, the line that
 * tells whether the daemon is there, and the notices about restarts and epochs. */
import { catalog, forgetCatalog } from "./catalog.js";
import * as collection from "./collection.js";
import { button, byId, el, setText, trouble } from "./dom.js";
import * as event from "./event.js";
import * as events from "./events.js";
import { duration, number, time } from "./format.js";
import * as overview from "./overview.js";
import * as plugins from "./plugins.js";
import * as record from "./record.js";
import * as rejected from "./rejected.js";
import { session } from "./session.js";
import * as signin from "./signin.js";
import { startWatching, stopWatching, watch } from "./watch.js";

const NOTICES_MAX = 5;

/* ---- Addresses ------------------------------------------------------------------------------- */

/* "#/c/cells/key?order=id" → parts and parameters. */
function readAddress() {
    const [path, ...query] = location.hash.replace(/^#\/?/, "").split("?");
    try {
        return {
            parts: path.split("/").map(decodeURIComponent),
            params: new URLSearchParams(query.join("?")),
        };
    } catch {
        return { parts: ["unknown"], params: new URLSearchParams() };
    }
}

/* The view, and what it is given. */
function findView({ parts: [first, name, key], params }) {
    if (first === "") return [overview, { params }];
    if (first === "c" && name && key === undefined) return [collection, { name, params }];
    if (first === "c" && name) return [record, { name, key, params }];
    if (first === "events" && name === undefined) return [events, { params }];
    if (first === "events" && /^\d{1,20}$/.test(name)) return [event, { seq: name, params }];
    if (first === "rejected") return [rejected, { params }];
    if (first === "plugins") return [plugins, { params }];
    return [
        {
            show: (main) =>
                main.append(
                    el("h1", {}, "There is no such page"),
                    el("p", {}, el("a", { href: "#/" }, "To the overview")),
                ),
        },
        {},
    ];
}

/* ---- The current view ------------------------------------------------------------------------ */

let leaving = new AbortController(),
    isBegun = false;

function clear() {
    leaving.abort();
    leaving = new AbortController();
    byId("main").replaceChildren();
    byId("dialog").close();
    return leaving.signal;
}

async function showView({ moves }) {
    const signal = clear(),
        main = byId("main");
    const place = el("div");
    main.append(place);
    const [view, params] = findView(readAddress());
    markCurrent();
    try {
        await view.show(place, params, signal);
    } catch (error) {
        if (!signal.aborted) place.append(el("h1", {}, "Not shown"), trouble(error));
    }
    if (signal.aborted) return;
    document.title = `${place.querySelector("h1")?.textContent || "Console"} – Reel`;
    if (moves) main.focus();
}

function askForToken(why = "") {
    isBegun = false;
    clear();
    stopWatching();
    byId("views").replaceChildren();
    byId("who").replaceChildren();
    setText(byId("reach"), "");
    document.title = "Sign in – Reel";
    signin.show(byId("main"), { why, done: begin });
}

/* ---- Navigation ------------------------------------------------------------------------------ */

function markCurrent() {
    const here = location.hash.split("?")[0] || "#/";
    for (const link of byId("views").querySelectorAll("a")) {
        const href = link.getAttribute("href");
        const isHere = href === "#/" ? here === href : here === href || here.startsWith(href + "/");
        if (isHere) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
}

async function drawNavigation() {
    const { collections } = await catalog();
    const links = [
        ["#/", "Overview"],
        ...collections.map(({ name }) => [`#/c/${encodeURIComponent(name)}`, name]),
        ["#/events", "Events"],
        ["#/rejected", "Rejected"],
        ["#/plugins", "Plugins"],
    ];
    const isSame =
        [...byId("views").querySelectorAll("a")].map((a) => a.getAttribute("href")).join() ===
        links.map(([href]) => href).join();
    if (isSame) return;
    byId("views").replaceChildren(
        el(
            "ul",
            {},
            links.map(([href, text]) => el("li", {}, el("a", { href }, text))),
        ),
    );
    byId("who").replaceChildren(
        `Token: ${session.access} `,
        button("Sign out", () => {
            session.end();
        }),
    );
    markCurrent();
}

/* ---- The daemon comes and goes --------------------------------------------------------------- */

function notice(text) {
    const list = byId("notices");
    const item = el(
        "p",
        { class: "notice" },
        text,
        " ",
        button("Dismiss", () => item.remove(), { "aria-label": `Dismiss: ${text}` }),
    );
    list.append(item);
    while (list.childElementCount > NOTICES_MAX) list.firstChild.remove();
}

function drawReach() {
    const { reach, status, trouble: why, downSince } = watch,
        line = byId("reach");
    line.className = `reach ${reach}`;
    if (reach === "up") setText(line, status.ready ? "Connected, ready" : "Connected, not ready");
    else if (reach === "down")
        setText(
            line,
            `The daemon does not answer, for ${duration((Date.now() - downSince) / 1000)}; ` +
                "asking every second",
        );
    else setText(line, why ? why.message : "");
}

/* What could not be read while the daemon was away is read again. */
let wasUp = true;
watch.addEventListener("change", () => {
    drawReach();
    const isUp = watch.reach === "up",
        isBack = isUp && !wasUp;
    wasUp = isUp;
    if (isBack && !isBegun) begin();
    else if (isBack && byId("main").querySelector(".trouble")) showView({ moves: false });
});

watch.addEventListener("restart", ({ detail: { now } }) => {
    notice(`The daemon was restarted at ${time(now.started_at)}.`);
    forgetCatalog();
    drawNavigation().catch(() => forgetCatalog());
});

watch.addEventListener("epoch", ({ detail: { before, now } }) => {
    notice(
        `The log is another one: its epoch was ${before.epoch}, now ${now.epoch}. What is shown ` +
            `was read again; the cursor is ${number(now.cursor)}.`,
    );
    showView({ moves: false });
});

/* ---- The beginning --------------------------------------------------------------------------- */

async function begin() {
    forgetCatalog();
    try {
        await drawNavigation();
        isBegun = true;
    } catch (error) {
        if (session.token === null) return;
        notice(`${error.title || "Trouble"}: ${error.message}`);
    }
    showView({ moves: false });
}

session.addEventListener("end", ({ detail: why }) => askForToken(why));
window.addEventListener("hashchange", () => session.token !== null && showView({ moves: true }));

if (session.token === null) askForToken();
else startWatching().then(begin, () => session.token !== null && begin());
