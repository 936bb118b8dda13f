/* stream.js: following by server-sent events, through restarts. EventSource cannot send a token, so
 * the stream is read by fetch.
 *
 * A stream that ends is opened again after its last id. On a quiet log, a stream of events has no id
 * yet: it is opened again at the position it began at. If the daemon has another epoch (409) or
 * cannot continue (410), everything received is void, and the stream begins again.
 */
import { Problem, request } from "./api.js";

const IDLE_MS = 20000; // a position comes at least every 5 s (follow_position_ms)
const RETRY_MS = [250, 500, 1000, 2000, 4000];

const pause = (ms, signal) =>
    new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });

/* Calls `line` with each id and each frame of one connection, until it ends. */
async function read(answer, idle, line) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        idle.restart();
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) for (const text of block.split("\n")) line(text);
    }
}

/* Aborts a connection on which nothing comes any more, not even a comment. */
function watchIdle(signal, idleMs) {
    const controller = new AbortController();
    let timer;
    const stop = () => (clearTimeout(timer), controller.abort());
    signal.addEventListener("abort", stop, { once: true });
    return {
        signal: controller.signal,
        restart() {
            clearTimeout(timer);
            timer = setTimeout(() => controller.abort(), idleMs);
        },
        end() {
            clearTimeout(timer);
            signal.removeEventListener("abort", stop);
        },
    };
}

/* Follows until `signal` is aborted, or the daemon refuses for good: then throws Problem.
 *   begin()            what was received before is void
 *   frame(text)        one frame, as JSON
 *   state(text, why)   "connected"; or "waiting", with the error if there was one
 *   idleMs             a connection on which nothing comes for this time is opened again
 * A stream from a fixed position on (`since`, of the log `epoch`) ends when that is void; `begin` is
 * its last call, and its only one.
 */
export async function follow(path, options) {
    const { signal, begin, frame, state, idleMs = IDLE_MS } = options;
    const url = new URL(path, location.origin);
    const isFixed = url.searchParams.has("since");
    let id = "",
        epoch = options.epoch || "",
        failures = 0;
    while (!signal.aborted) {
        let why = null;
        const idle = watchIdle(signal, idleMs);
        try {
            const headers = { Accept: "text/event-stream" };
            if (id) headers["Last-Event-ID"] = id;
            if (epoch && (id || isFixed)) url.searchParams.set("epoch", epoch);
            else url.searchParams.delete("epoch");
            idle.restart();
            const answer = await request(url.pathname + url.search, {
                headers,
                signal: idle.signal,
            });
            epoch = answer.headers.get("Reel-Epoch") || epoch;
            if (!id && !isFixed) begin();
            state("connected");
            await read(answer, idle, (text) => {
                failures = 0;
                if (text.startsWith("id: ")) id = text.slice(4);
                else if (text.startsWith("data: ")) frame(text.slice(6));
            });
        } catch (error) {
            if (signal.aborted) return;
            const isVoid =
                error instanceof Problem && (error.status === 409 || error.status === 410);
            if (isVoid && isFixed) return begin();
            if (isVoid) id = epoch = "";
            else if (error instanceof Problem && error.status < 500) throw error;
            else why = error;
        } finally {
            idle.end();
        }
        if (signal.aborted) return;
        state("waiting", why);
        await pause(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)], signal);
    }
}
