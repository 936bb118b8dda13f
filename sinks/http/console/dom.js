/* dom.js: elements of the page. Text from the daemon becomes text nodes and attributes, never HTML:
 * the page's policy (trusted-types 'none') would stop a script that tried. */

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === undefined || value === null || value === false) continue;
        if (typeof value === "function") element.addEventListener(name, value);
        else element.setAttribute(name, value === true ? "" : String(value));
    }
    element.append(...children.flat(Infinity).filter((child) => child || child === 0));
    return element;
}

/* el("a", { href: "#/", click: handler }, "text", other): attributes that are functions are
 * listeners; children that are null or false are left out. */
export function el(name, attributes = {}, ...children) {
    return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
    return fill(document.createElementNS(SVG, name), attributes, children);
}

/* Replaces what is in an element, unless it reads the same already: screen readers would say it
 * again. */
export function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

export const byId = (id) => document.getElementById(id);

/* A definition list of [term, value] pairs; pairs without a value are left out. */
export function facts(pairs, attributes = {}) {
    return el(
        "dl",
        { class: "facts", ...attributes },
        pairs
            .filter(([, value]) => value !== undefined && value !== null)
            .map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))),
    );
}

export const button = (text, click, attributes = {}) =>
    el("button", { type: "button", click, ...attributes }, text);

let ids = 0;
export const newId = (what) => `${what}-${++ids}`;

/* A control with its label; a hint describes it. */
export function labelled(text, control, hint) {
    control.id ||= newId("control");
    if (hint) control.setAttribute("aria-describedby", `${control.id}-hint`);
    return el(
        "div",
        { class: "field" },
        el("label", { for: control.id }, text),
        control,
        hint && el("p", { class: "hint", id: `${control.id}-hint` }, hint),
    );
}

/* options: [value, text] pairs. */
export function choice(options, chosen, attributes = {}) {
    return el(
        "select",
        attributes,
        options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)),
    );
}

/* What went wrong, in words. */
export function trouble(error) {
    return el(
        "div",
        { class: "trouble", role: "alert" },
        el("p", {}, el("strong", {}, error.title || "Something went wrong")),
        el("p", {}, error.message),
    );
}
