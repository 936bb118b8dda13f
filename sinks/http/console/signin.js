/* signin.js: asks for a token. It is kept in sessionStorage, and sent to this daemon only. */
import { el, labelled, trouble } from "./dom.js";
import { session } from "./session.js";
import { startWatching } from "./watch.js";

/* Calls `done` when the daemon has accepted a token. `why`: why the last one is no longer used. */
export function show(main, { why, done }) {
    const failed = el("div");
    const input = el("input", {
        type: "password",
        autocomplete: "current-password",
        required: true,
        spellcheck: "false",
    });
    const submit = el("button", { type: "submit" }, "Sign in");
    async function signIn() {
        const token = input.value.trim();
        if (!/^[\x21-\x7e]+$/.test(token))
            throw Object.assign(new Error("A token has no spaces, and only ASCII characters."), {
                title: "Not a token",
            });
        session.begin(token);
        await startWatching();
        done();
    }
    if (why)
        failed.append(
            trouble(Object.assign(new Error(why), { title: "The token is not accepted" })),
        );
    main.append(
        el("h1", {}, "Sign in"),
        el(
            "form",
            {
                class: "signin",
                submit: (event) => {
                    event.preventDefault();
                    submit.disabled = true;
                    failed.replaceChildren();
                    signIn()
                        .catch((error) => {
                            session.end();
                            failed.replaceChildren(trouble(error));
                            input.select();
                        })
                        .finally(() => (submit.disabled = false));
                },
            },
            labelled(
                "Token",
                input,
                "One of those in the daemon's token file or in REEL_TOKEN. " +
                    "It is kept until this tab is closed.",
            ),
            submit,
        ),
        failed,
    );
    input.focus();
}
