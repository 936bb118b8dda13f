/* form.js: a form for a JSON object whose members are declared (reel/member.h, as /v1/plugins shows
 * them). Lists, objects and members of any kind are given as JSON. */
import { button, choice, el, labelled } from "./dom.js";
import { parse, stringify } from "./json.js";

const KINDS = {
    list: "a list, as JSON",
    object: "an object, as JSON",
    json: "as JSON",
    time: "a time, such as 2026-01-31T12:00:00Z",
    integer: "an integer",
    number: "a number",
};

function controlOf({ kind, required, values }) {
    const none = required ? [] : [["", "(left out)"]];
    if (kind === "bool")
        return choice([...none, ["true", "true"], ["false", "false"]], none[0]?.[0]);
    if (kind === "one_of") return choice([...none, ...values.map((value) => [value, value])]);
    if (["list", "object", "json"].includes(kind))
        return el("textarea", { rows: 4, spellcheck: "false", required });
    return el("input", {
        type: "text",
        autocomplete: "off",
        spellcheck: "false",
        required,
        inputmode: (kind === "integer" || kind === "number") && "decimal",
    });
}

/* The JSON text of a member; numbers keep the digits that were typed. */
function jsonOf({ name, kind }, text) {
    const fail = (wanted) => {
        throw Object.assign(new Error(`${name} is “${text}”, wanted ${wanted}.`), {
            title: "Not sent",
        });
    };
    if (kind === "integer" && !/^-?(0|[1-9]\d*)$/.test(text)) fail("an integer");
    if (["number", "list", "object", "json"].includes(kind)) {
        try {
            parse(text);
        } catch (error) {
            fail(`${KINDS[kind]} (${error.message})`);
        }
        return text;
    }
    return kind === "integer" || kind === "bool" ? text : JSON.stringify(text);
}

const shownValue = (kind, value) =>
    value === undefined || value === null
        ? ""
        : typeof value === "string" && !["list", "object", "json"].includes(kind)
          ? value
          : stringify(value, typeof value === "object" ? 2 : undefined);

function membersForm(members, example) {
    const parts = members.map((member) => {
        const control = controlOf(member);
        const hint = [member.summary, KINDS[member.kind]].filter(Boolean).join("; ");
        return {
            member,
            control,
            field: labelled(
                member.required ? `${member.name} (required)` : member.name,
                control,
                hint,
            ),
        };
    });
    return {
        fields: parts.map((part) => part.field),
        body() {
            const texts = parts
                .filter(({ control }) => control.value !== "")
                .map(
                    ({ member, control }) =>
                        `${JSON.stringify(member.name)}:${jsonOf(member, control.value.trim())}`,
                );
            return `{${texts.join(",")}}`;
        },
        fill() {
            for (const { member, control } of parts)
                control.value = shownValue(member.kind, example?.[member.name]);
        },
    };
}

/* A command that declares no members takes any JSON. */
function anyForm(example) {
    const control = el("textarea", { rows: 6, spellcheck: "false" });
    return {
        fields: [labelled("Body", control, "JSON; empty: none")],
        body() {
            const text = control.value.trim();
            return text === "" ? "" : jsonOf({ name: "The body", kind: "json" }, text);
        },
        fill: () => (control.value = stringify(example, 2)),
    };
}

/* { fields, body() }: elements, and the text of the JSON. body throws an error in words. */
export function makeForm(members, example) {
    const form = members ? membersForm(members, example) : anyForm(example);
    if (example !== undefined) form.fields.push(button("Fill in the example", form.fill));
    return form;
}
