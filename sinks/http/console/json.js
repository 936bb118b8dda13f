/* json.js: JSON whose integers keep all digits. Those that a double cannot hold become BigInt, in
 * browsers that tell a number's text (the others round them). */

const LONG = /\d{16}/;

function keepDigits(name, value, context) {
    if (typeof value !== "number" || Number.isSafeInteger(value) || !context?.source) return value;
    return /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
}

export const parse = (text) => (LONG.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text));

const digits = (name, value) => {
    if (typeof value !== "bigint") return value;
    return JSON.rawJSON ? JSON.rawJSON(String(value)) : String(value);
};

export const stringify = (value, indent) => JSON.stringify(value, digits, indent);
