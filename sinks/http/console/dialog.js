/* dialog.js: asks once more before something is done that cannot be taken back easily. */
import { byId, button, el } from "./dom.js";

/* True if the user agrees. Escape and Cancel mean no. */
export function confirmed({ title, text, verb }) {
    const dialog = byId("dialog");
    return new Promise((resolve) => {
        let agreed = false;
        const agree = button(
            verb,
            () => {
                agreed = true;
                dialog.close();
            },
            { class: "danger" },
        );
        dialog.replaceChildren(
            el("h2", { id: "dialog-title" }, title),
            el("p", {}, text),
            el(
                "div",
                { class: "toolbar" },
                button("Cancel", () => dialog.close(), { autofocus: true }),
                agree,
            ),
        );
        dialog.addEventListener("close", () => resolve(agreed), { once: true });
        dialog.showModal();
    });
}
