/* metrics.js: reads the text of /metrics (the format of Prometheus) into a Map from the name of a
 * series, labels included, to its value. Histograms are left as their parts. */

export function readMetrics(text) {
    const series = new Map();
    for (const line of text.split("\n")) {
        if (!line || line[0] === "#") continue;
        const space = line.lastIndexOf(" ");
        series.set(line.slice(0, space), Number(line.slice(space + 1)));
    }
    return series;
}

/* The series of one family: [labels, value] pairs. */
export function family(series, name) {
    return [...series]
        .filter(([key]) => key === name || key.startsWith(name + "{"))
        .map(([key, value]) => [key.slice(name.length), value]);
}

export const sum = (series, name) =>
    family(series, name).reduce((total, [, value]) => total + value, 0);

export const label = (labels, name) =>
    labels.match(new RegExp(`[{,]${name}="((?:[^"\\\\]|\\\\.)*)"`))?.[1] || "";
