/* health.js: what is wrong, in words, the worst first. Each finding says what is the case, and what
 * it means or what to do. Nothing here asks the daemon. */
import { bytes, count, duration, number, time, were } from "./format.js";
import { sum } from "./metrics.js";

export const BAD = "bad",
    WARN = "warn";

const RECENT_MS = 24 * 60 * 60 * 1000;

const finding = (level, what, more = "", link = null) => ({ level, what, more, link });

function* ofDaemon(status) {
    if (status.draining) yield finding(WARN, "The daemon is about to end.");
    else if (!status.ready)
        yield finding(BAD, `The daemon is not ready: ${status.reason || "no reason is given"}.`);
}

function* ofFeed({ feed }) {
    if (feed.kind === "embedded") return;
    if (feed.state === "down")
        yield finding(
            BAD,
            "The feed is down: the broker cannot be reached.",
            "Reads go on from the local copy; writes are refused until the broker is back.",
        );
    if (feed.gaps?.count > 0)
        yield finding(
            WARN,
            `${were(feed.gaps.messages, "message")} never received from the stream.`,
            `They were deleted, or discarded by a limit, before they got here: ` +
                `${count(feed.gaps.count, "gap")}, the newest ${number(feed.gaps.newest?.from)} ` +
                `to ${number(feed.gaps.newest?.to)}.`,
        );
}

function* ofDisk(metrics) {
    if (!metrics) return;
    if (sum(metrics, "reel_disk_full") > 0)
        yield finding(
            BAD,
            "The disk is full.",
            "Writes are refused, reads go on. It recovers by itself when there is room.",
        );
    if (sum(metrics, "reel_checkpoint_failing") > 0)
        yield finding(
            BAD,
            "Checkpoints fail: changes cannot be written to the state.",
            "Events are taken until the memory for changes is full. The log says why.",
        );
    else if (sum(metrics, "reel_memtable_age_seconds") > 120)
        yield finding(
            WARN,
            "No checkpoint has come about for more than two minutes.",
            "A start after a crash would fold more of the log.",
        );
}

/* The states of /v1/status, and of daemons that know more of them. */
function* ofCollection(projection, head) {
    const { collection, state, cursor } = projection;
    const link = `#/c/${encodeURIComponent(collection)}`;
    if (state === "live") return;
    if (state === "stopped") {
        const { reason, since } = projection.stopped || {};
        yield finding(
            BAD,
            `${collection} is stopped: ${reason || "no reason is given"}.`,
            `Its records are those of ${number(cursor)}` +
                (since ? `, since ${time(since)}.` : ".") +
                " It goes on when another build of the plugin is loaded, or when it is released.",
            link,
        );
    } else if (state === "lost events") {
        yield finding(
            BAD,
            `${collection} has lost events.`,
            "Events that it had not folded were trimmed. Rebuild it.",
            link,
        );
    } else if (state === "paused") {
        yield finding(
            WARN,
            `${collection} is paused at ${number(cursor)}.`,
            "Its records stay as they are until it is resumed.",
            link,
        );
    } else {
        const progress = projection.progress ?? { cursor, to: head };
        const done = progress.to > 0 ? Math.floor((100 * progress.cursor) / progress.to) : 100;
        yield finding(
            WARN,
            `${collection} is being built: ${done} % of the log is folded.`,
            "It is served when this is done.",
            link,
        );
    }
}

function* ofCounts(status, newestRejected) {
    if (status.lag > 0)
        yield finding(
            WARN,
            `The lag is ${count(status.lag, "event")}.`,
            "If the lag does not fall, events arrive faster than they are folded.",
        );
    const setAside = status.projections.reduce((total, one) => total + (one.set_aside || 0), 0);
    if (setAside > 0)
        yield finding(
            WARN,
            `${were(setAside, "event")} set aside, since a projector crashed.`,
            "They are folded again when another build of the plugin is loaded.",
            "#/rejected",
        );
    const received = newestRejected && Date.parse(newestRejected.received_at);
    if (received && Date.now() - received < RECENT_MS)
        yield finding(
            WARN,
            `${were(status.rejected, "event")} rejected, the newest at ` +
                `${time(newestRejected.received_at)}: ${newestRejected.reason}.`,
            "Projectors could not apply them. They stay in the log.",
            "#/rejected",
        );
}

/* `newestRejected` is the newest of /v1/rejected, or null. Old ones are no trouble of today. */
export function findings(status, metrics, newestRejected) {
    const all = [
        ...ofDaemon(status),
        ...ofDisk(metrics),
        ...ofFeed(status),
        ...status.projections.flatMap((one) => [...ofCollection(one, status.head)]),
        ...ofCounts(status, newestRejected),
    ];
    return [...all.filter((one) => one.level === BAD), ...all.filter((one) => one.level !== BAD)];
}

export const inAWord = (status, list) =>
    list.some((one) => one.level === BAD)
        ? "Something is wrong"
        : list.length > 0
          ? "It works, with remarks"
          : `All is well, for ${duration(status.uptime_s)}`;

export const diskLine = (status) =>
    `${bytes(status.store.bytes)}, of which ${bytes(status.store.log_bytes)} are events`;
