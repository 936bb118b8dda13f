/* session.js: the token, which is kept in sessionStorage: for this tab, until it is closed. */

const NAME = "reel-token";
const RANKS = ["none", "read", "history", "write", "admin"];

export const session = Object.assign(new EventTarget(), {
    token: sessionStorage.getItem(NAME),
    access: "none", // what the token may do, as /v1/status says

    begin(token) {
        this.token = token;
        sessionStorage.setItem(NAME, token);
    },

    /* `why` is shown beside the question for another token. */
    end(why = "") {
        if (this.token === null) return;
        this.token = null;
        this.access = "none";
        sessionStorage.removeItem(NAME);
        this.dispatchEvent(new CustomEvent("end", { detail: why }));
    },

    /* Levels that are newer than this page rank highest. */
    may(access) {
        const rank = (name) => (RANKS.includes(name) ? RANKS.indexOf(name) : RANKS.length);
        return rank(this.access) >= rank(access);
    },
});
