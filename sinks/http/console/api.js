/* api.js: requests to the daemon, over its public API (docs/http.md, /v1/openapi.json). */
import { parse } from "./json.js";
import { session } from "./session.js";

/* A refusal of the daemon (RFC 9457), or another answer that is not a success. */
export class Problem extends Error {
    constructor(status, body) {
        super(body?.detail || `The daemon answered with the status ${status}.`);
        this.status = status;
        this.title = body?.title || "Refused";
        this.type = body?.type || "";
        this.body = body;
    }
}

/* There was no answer. */
export class Unreachable extends Error {
    constructor() {
        super("The daemon does not answer. It may be restarting.");
        this.title = "Not reachable";
    }
}

async function problemOf(answer) {
    const text = await answer.text().catch(() => "");
    let body = null;
    try {
        body = parse(text);
    } catch {
        /* a proxy's page: the status must do */
    }
    return new Problem(answer.status, body);
}

/* Fetches with the token. Throws Problem, Unreachable, or AbortError. 304 is an answer. */
export async function request(path, { method = "GET", headers = {}, body, signal } = {}) {
    const token = session.token;
    let answer;
    try {
        answer = await fetch(path, {
            method,
            body,
            signal,
            cache: "no-store",
            credentials: "omit",
            headers: { Authorization: `Bearer ${token}`, ...headers },
        });
    } catch (error) {
        if (signal?.aborted) throw error;
        throw new Unreachable();
    }
    if (answer.ok || answer.status === 304) return answer;
    const problem = await problemOf(answer);
    if (answer.status === 401 && token === session.token) session.end(problem.message);
    throw problem;
}

export async function getJson(path, signal) {
    return parse(await (await request(path, { signal })).text());
}

/* A path of parts that may contain any character; parameters whose value is empty are left out. */
export function pathTo(parts, params = {}) {
    const query = new URLSearchParams(
        Object.entries(params).filter(([, value]) => value !== "" && value !== undefined),
    );
    const text = query.toString();
    return "/" + parts.map(encodeURIComponent).join("/") + (text ? "?" + text : "");
}

/* The key of a record as a part of a path (docs/operating.md, "Long keys"). Browsers take "." and
 * ".." for steps of a path, even percent-encoded, so these have a name, too. */
const PLAIN_MAX = 1024,
    PREFIX = 256,
    MARK = "\u007f";
const hex = (list) => Array.from(list, (byte) => byte.toString(16).padStart(2, "0")).join("");

export async function keyPart(key) {
    const text = new TextEncoder().encode(key);
    if (text.length <= PLAIN_MAX && key[0] !== MARK && key !== "." && key !== "..") return key;
    const prefix = MARK + hex(text.subarray(0, PREFIX));
    if (text.length <= PREFIX) return prefix;
    if (!crypto.subtle) {
        throw Object.assign(
            new Error(
                "Browsers compute the name of so long a key only over HTTPS " +
                    "and on this machine (localhost).",
            ),
            { title: "The key is too long" },
        );
    }
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
    return `${prefix}.${hex(hash.subarray(0, 16))}`;
}

/* A key that the command's events get; the same request again has the same result. */
export function newIdempotencyKey() {
    return "console-" + hex(crypto.getRandomValues(new Uint8Array(16)));
}
