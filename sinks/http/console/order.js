/* order.js: the order of records, as the daemon has it (docs/http.md, "Order and pages"): values
 * rise or fall, nulls are last both ways, equal values are in the order of the keys' bytes. */

/* Bytes of UTF-8 are in the order of code points; JavaScript compares UTF-16, where the surrogates
 * of high code points are below U+E000 to U+FFFF. */
export function compareText(a, b) {
    const length = Math.min(a.length, b.length);
    for (let i = 0; i < length; i++) {
        const x = a.charCodeAt(i),
            y = b.charCodeAt(i);
        if (x === y) continue;
        const isHigh = (unit) => unit >= 0xd800 && unit <= 0xdfff;
        if (isHigh(x) !== isHigh(y))
            return isHigh(x) ? (y >= 0xe000 ? 1 : x - y) : x >= 0xe000 ? -1 : x - y;
        return x - y;
    }
    return a.length - b.length;
}

function compareValues(a, b) {
    if (typeof a === "string" && typeof b === "string") return compareText(a, b);
    return a < b ? -1 : a > b ? 1 : 0;
}

/* `order`: "", a field, or "changed", perhaps with a "-" before it. Rows: { key, record, changed }.
 * `field` is its declaration. The values of a `one_of` are in the order of their names. */
export function comparison(order) {
    const byKey = (a, b) => compareText(a.key, b.key);
    if (!order) return byKey;
    const sign = order[0] === "-" ? -1 : 1,
        name = order.replace(/^-/, "");
    const valueOf = name === "changed" ? (row) => row.changed : (row) => row.record[name] ?? null;
    return (a, b) => {
        const x = valueOf(a),
            y = valueOf(b);
        if (x === null || y === null) return x === y ? byKey(a, b) : x === null ? 1 : -1;
        return sign * compareValues(x, y) || byKey(a, b);
    };
}
