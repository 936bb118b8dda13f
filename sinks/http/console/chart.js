/* chart.js: events a second over the last minutes, as SVG; drawn again in place at each sample. */
import { el, setText, svg } from "./dom.js";
import { rate } from "./format.js";

const WIDTH = 600,
    HEIGHT = 140,
    LEFT = 48,
    BOTTOM = 22,
    TOP = 8;
const SPAN_MS = 5 * 60 * 1000;

/* The rate of each second: [milliseconds ago, events a second, rejected a second]. */
export function ratesOf(samples, now) {
    return samples.slice(1).map((sample, i) => {
        const seconds = Math.max(sample.at - samples[i].at, 1) / 1000;
        return [
            now - sample.at,
            Math.max(0, sample.cursor - samples[i].cursor) / seconds,
            Math.max(0, sample.rejected - samples[i].rejected) / seconds,
        ];
    });
}

/* 1, 2 or 5 times a power of ten. */
function roundedUp(value) {
    const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
    return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

const xOf = (age) => LEFT + (WIDTH - LEFT) * (1 - age / SPAN_MS);
const yOf = (value, top) => TOP + (HEIGHT - BOTTOM - TOP) * (1 - value / top);

function line(points, which, top, name) {
    const at = points.map(
        (point) => `${xOf(point[0]).toFixed(1)},${yOf(point[which], top).toFixed(1)}`,
    );
    return svg("polyline", { class: name, points: at.join(" ") });
}

function grid(top) {
    const parts = [];
    for (const value of [0, top / 2, top]) {
        const y = yOf(value, top);
        parts.push(svg("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y, y2: y }));
        parts.push(svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, rate(value)));
    }
    for (let minutes = 0; minutes <= 5; minutes++) {
        const anchor = minutes === 0 ? "end" : minutes === 5 ? "start" : "middle";
        parts.push(
            svg(
                "text",
                { x: xOf(minutes * 60000), y: HEIGHT - 6, "text-anchor": anchor },
                minutes === 0 ? "now" : `−${minutes} min`,
            ),
        );
    }
    return parts;
}

export function makeChart() {
    const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img" });
    const caption = el("figcaption");
    const figure = el("figure", {}, drawing, caption);
    return {
        figure,
        draw(samples) {
            const points = ratesOf(samples, performance.now());
            const most = Math.max(...points.map((point) => point[1]), 0);
            const top = roundedUp(most);
            drawing.replaceChildren(
                ...grid(top),
                line(points, 1, top, "events"),
                line(points, 2, top, "rejections"),
            );
            const last = points.at(-1)?.[1] || 0;
            const words =
                `Events folded: ${rate(last)} now, at most ${rate(most)} since this page ` +
                "watches (up to five minutes)";
            drawing.setAttribute("aria-label", words);
            setText(caption, words);
        },
    };
}
