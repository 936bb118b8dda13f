/* filters.js: the controls to filter and order the records of a collection, made from the fields
 * that its projector declares. What is chosen are parameters of GET /v1/{collection}, and stands in
 * the page's address, so that it can be kept and sent. */
import { button, choice, el, labelled } from "./dom.js";

const RANGES = [
    [".gte", "at least"],
    [".gt", "above"],
    [".lte", "at most"],
    [".lt", "below"],
];
const PRESENCE = [
    ["=null", "has no value"],
    ["=set", "has a value"],
];
const RANGED = new Set(["string", "integer", "number"]);

/* A field's own name may be the filter of another one, or a parameter of the API: `.eq` is neither.
 * By its filter, a reference also takes the name of the record that it refers to. */
const equalName = (field) => (field.refers_to ? field.filter : `${field.name}.eq`);

/* [parameter, text] pairs; those that end with a value take none. */
function comparisonsOf(field) {
    const ranges =
        RANGED.has(field.kind) && !field.refers_to
            ? RANGES.map(([suffix, text]) => [field.name + suffix, text])
            : [];
    return [
        [equalName(field), "is"],
        ...ranges,
        ...PRESENCE.map(([value, text]) => [`${field.name}.is${value}`, text]),
    ];
}

function valueControl(field) {
    if (field.kind === "one_of") return choice(field.values.map((value) => [value, value]));
    if (field.kind === "boolean")
        return choice([
            ["true", "true"],
            ["false", "false"],
        ]);
    const isNumber = field.kind === "integer" || field.kind === "number";
    return el("input", {
        type: "text",
        autocomplete: "off",
        spellcheck: "false",
        inputmode: isNumber && "decimal",
    });
}

/* "state is running" */
function inWords(fields, name, value) {
    for (const field of fields)
        for (const [parameter, text] of comparisonsOf(field)) {
            if (parameter === name) return `${field.name} ${text} ${value}`;
            if (parameter === `${name}=${value}`) return `${field.name} ${text}`;
        }
    return `${name} = ${value}`;
}

/* The form that adds a filter. `add` gets the parameter and its value. */
function makeForm(fields, add) {
    const value = el("div", { class: "field" });
    const field = choice(
        fields.map((one) => [one.name, one.name]),
        "",
        { change: () => pickField() },
    );
    const comparison = el("select", { change: () => pickComparison() });
    const chosen = () => fields.find((one) => one.name === field.value);
    function pickField() {
        comparison.replaceChildren(
            ...comparisonsOf(chosen()).map(([parameter, text]) =>
                el("option", { value: parameter }, text),
            ),
        );
        pickComparison();
    }
    function pickComparison() {
        const needsValue = !comparison.value.includes("=");
        value.replaceChildren(
            ...(needsValue ? labelled("Value", valueControl(chosen())).childNodes : []),
        );
    }
    pickField();
    return el(
        "form",
        {
            class: "filters",
            "aria-label": "Add a filter",
            submit: (event) => {
                event.preventDefault();
                const [name, fixed] = comparison.value.split("=");
                add(name, fixed ?? value.querySelector("input, select").value);
            },
        },
        labelled("Field", field),
        labelled("Comparison", comparison),
        value,
        el("button", { type: "submit" }, "Add filter"),
    );
}

/* `params` (URLSearchParams) are changed, and `changed` is called. */
export function makeFilters(fields, params, changed) {
    const list = el("ul", { class: "chips", "aria-label": "Filters" });
    const form = makeForm(fields, (name, value) => {
        params.append(name, value);
        update();
    });
    function update() {
        draw();
        changed();
    }
    function remove(name, value) {
        const others = params.getAll(name);
        others.splice(others.indexOf(value), 1);
        params.delete(name);
        for (const other of others) params.append(name, other);
        update();
        form.querySelector("select").focus();
    }
    function draw() {
        const chosen = [...params].filter(([name]) => name !== "order" && name !== "mode");
        list.hidden = chosen.length === 0;
        list.replaceChildren(
            ...chosen.map(([name, value]) => {
                const text = inWords(fields, name, value);
                return el(
                    "li",
                    {},
                    text,
                    button("Remove", () => remove(name, value), {
                        "aria-label": `Remove the filter: ${text}`,
                    }),
                );
            }),
        );
    }
    draw();
    return [form, list];
}

/* Order by key, by last change, and by the fields that have an order. */
export function makeOrder(fields, params, changed) {
    const options = [
        ["", "Key"],
        ["-changed", "Last change, newest first"],
        ["changed", "Last change, oldest first"],
        ...fields
            .filter((field) => field.indexed)
            .flatMap(({ name }) => [
                [name, `${name}, rising`],
                [`-${name}`, `${name}, falling`],
            ]),
    ];
    const select = choice(options, params.get("order") || "", {
        change: () => {
            if (select.value) params.set("order", select.value);
            else params.delete("order");
            changed();
        },
    });
    return select;
}
