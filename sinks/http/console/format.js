/* format.js: numbers, sizes and times as people read them. */
import { stringify } from "./json.js";

const plain = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

export const number = (value) =>
    value === undefined || value === null ? "–" : plain.format(value);

export const rate = (value) =>
    `${value < 10 ? short.format(value) : plain.format(Math.round(value))}/s`;

export const count = (value, one, many = one + "s") =>
    `${number(value)} ${Number(value) === 1 ? one : many}`;

/* "1 event was", "2 events were" */
export const were = (value, one) => `${count(value, one)} ${Number(value) === 1 ? "was" : "were"}`;

export function bytes(value) {
    const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let unit = 0;
    for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
    return `${short.format(value)} ${units[unit]}`;
}

export function duration(seconds) {
    const steps = [
        [86400, "d"],
        [3600, "h"],
        [60, "min"],
        [1, "s"],
    ];
    let rest = Math.max(0, Math.round(seconds));
    const parts = [];
    for (const [length, unit] of steps) {
        if (rest >= length && parts.length < 2) parts.push(`${Math.floor(rest / length)} ${unit}`);
        rest %= length;
    }
    return parts.join(" ") || "0 s";
}

export const time = (text) => (text ? text.replace("T", " ").replace(/Z$/, " UTC") : "–");

/* A value of a record in one line of a table. */
export function brief(value, most = 160) {
    if (value === null || value === undefined) return "";
    const text = typeof value === "string" ? value : stringify(value);
    return text.length > most ? text.slice(0, most) + "…" : text;
}

/* A value in full. */
export const full = (value) => (typeof value === "string" ? value : stringify(value, 2));
