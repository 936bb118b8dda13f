/* table.js: a table of any number of rows, of which only those in sight are in the page.
 *
 * All rows have the same height. The table stands in a box that scrolls; two empty rows, above and
 * below, are as high as the rows that are left out. A row that stays in sight keeps its elements.
 */
import { el } from "./dom.js";

const ROW_PX = 32; // as console.css has it
const SPARE = 8; // rows above and below those in sight
const FLASH = { backgroundColor: ["var(--flash)", "transparent"] }; // of a row that has changed

const still = matchMedia("(prefers-reduced-motion: reduce)");

/* options:
 *   label     what the table shows
 *   columns   [{ name, title, isNumber, sort }]; sort: "ascending", "descending", "none" or null
 *   cells     function (row): the texts or elements of its cells; the first is its header
 *   keyOf     function (row): tells rows apart
 *   hrefOf    function (row): where its first cell leads, or null
 *   onSort    function (column), if columns may be sorted
 */
export class Table {
    #options;
    #rows = [];
    #shown = new Map();
    #active = 0;
    #waiting = false;
    #body = el("tbody");
    #above = el("td");
    #below = el("td");
    #head = el("thead");
    #table = el("table", {});

    constructor(options) {
        this.#options = options;
        this.#table.append(
            this.#head,
            el("tbody", { class: "spacer", "aria-hidden": "true" }, el("tr", {}, this.#above)),
            this.#body,
            el("tbody", { class: "spacer", "aria-hidden": "true" }, el("tr", {}, this.#below)),
        );
        this.box = el(
            "div",
            {
                class: "rows",
                tabindex: "0",
                role: "region",
                "aria-label": options.label,
                keydown: (event) => this.#key(event),
                focusin: (event) => this.#focused(event),
            },
            this.#table,
        );
        this.box.addEventListener("scroll", () => this.#later(), { passive: true });
        this.resizing = new ResizeObserver(() => this.#later());
        this.resizing.observe(this.box);
        this.setColumns(options.columns);
    }

    setColumns(columns) {
        this.#options.columns = columns;
        this.#above.colSpan = this.#below.colSpan = columns.length;
        this.#head.replaceChildren(
            el(
                "tr",
                { "aria-rowindex": 1 },
                columns.map((column) => this.#heading(column)),
            ),
        );
        this.#forget();
        this.#later();
    }

    /* An array; which must not change until the next call. */
    setRows(rows) {
        this.#rows = rows;
        this.#active = Math.min(this.#active, Math.max(rows.length - 1, 0));
        this.#table.setAttribute("aria-rowcount", rows.length + 1);
        this.#later();
    }

    toTop() {
        this.box.scrollTop = 0;
        this.#active = 0;
    }

    #heading(column) {
        const { title, isNumber, sort } = column;
        const attributes = { scope: "col", class: isNumber && "number", "aria-sort": sort || null };
        if (!sort || !this.#options.onSort) return el("th", attributes, title);
        const mark = { ascending: " ↑", descending: " ↓", none: "" }[sort];
        return el(
            "th",
            attributes,
            el(
                "button",
                {
                    type: "button",
                    class: "heading",
                    "data-column": column.name,
                    click: () => this.#options.onSort(column),
                },
                title,
                el("span", { "aria-hidden": "true" }, mark),
            ),
        );
    }

    #forget() {
        this.#shown.clear();
        this.#body.replaceChildren();
    }

    #later() {
        if (this.#waiting) return;
        this.#waiting = true;
        requestAnimationFrame(() => {
            this.#waiting = false;
            this.#draw();
        });
    }

    #inSight() {
        const first = Math.floor(this.box.scrollTop / ROW_PX) - SPARE;
        const count = Math.ceil(this.box.clientHeight / ROW_PX) + 2 * SPARE;
        const from = Math.max(0, Math.min(first, this.#rows.length - 1));
        return [from, Math.min(this.#rows.length, Math.max(first, 0) + count)];
    }

    #draw() {
        const [from, to] = this.#inSight();
        const kept = new Map(),
            elements = [];
        const focused = this.#body.contains(document.activeElement) && document.activeElement;
        for (let i = from; i < to; i++) {
            const shown = this.#rowAt(i);
            kept.set(shown.key, shown);
            elements.push(shown.element);
        }
        for (const [key, { element }] of this.#shown) if (!kept.has(key)) element.remove();
        this.#shown = kept;
        let at = this.#body.firstChild;
        for (const element of elements)
            if (element === at) at = at.nextSibling;
            else this.#body.insertBefore(element, at);
        this.#above.style.height = `${from * ROW_PX}px`;
        this.#below.style.height = `${(this.#rows.length - to) * ROW_PX}px`;
        if (!focused || document.activeElement === focused) return;
        const isThere = this.#body.contains(focused);
        if (isThere || !this.#body.contains(document.activeElement))
            (isThere ? focused : this.box).focus({ preventScroll: true });
    }

    #rowAt(i) {
        const row = this.#rows[i],
            key = this.#options.keyOf(row);
        let shown = this.#shown.get(key);
        if (!shown) shown = { key, element: el("tr") };
        if (shown.row !== row) {
            const had = shown.element.contains(document.activeElement);
            shown.element.replaceChildren(...this.#cells(row));
            if (had) shown.element.querySelector("a")?.focus({ preventScroll: true });
            if (shown.row && !still.matches) shown.element.animate(FLASH, 1200);
            shown.row = row;
        }
        shown.element.setAttribute("aria-rowindex", i + 2);
        return shown;
    }

    #cells(row) {
        const { cells, hrefOf, columns } = this.#options;
        const href = hrefOf?.(row);
        return cells(row).map((content, i) => {
            const attributes = {
                class: columns[i].isNumber && "number",
                title: typeof content === "string" && content.length > 24 && content,
            };
            if (i > 0) return el("td", attributes, content);
            return el(
                "th",
                { scope: "row", ...attributes },
                href ? el("a", { href }, content === "" ? "(empty)" : content) : content,
            );
        });
    }

    /* ---- Keyboard ---- */

    #focused(event) {
        const element = event.target.closest("tbody tr");
        if (element?.hasAttribute("aria-rowindex"))
            this.#active = Number(element.getAttribute("aria-rowindex")) - 2;
    }

    #key(event) {
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        const page = Math.max(1, Math.floor(this.box.clientHeight / ROW_PX) - 2);
        const isInBody = this.#body.contains(document.activeElement);
        const steps = {
            ArrowDown: isInBody ? 1 : 0,
            ArrowUp: -1,
            PageDown: page,
            PageUp: -page,
            Home: -Infinity,
            End: Infinity,
        };
        if (!(event.key in steps) || this.#rows.length === 0) return;
        event.preventDefault();
        this.#go(this.#active + steps[event.key]);
    }

    #go(to) {
        this.#active = Math.max(0, Math.min(to, this.#rows.length - 1));
        const top = this.#active * ROW_PX,
            head = this.#head.offsetHeight;
        const height = this.box.clientHeight - head;
        if (top < this.box.scrollTop) this.box.scrollTop = top;
        else if (top + ROW_PX > this.box.scrollTop + height)
            this.box.scrollTop = top + ROW_PX - height;
        this.#draw();
        const shown = this.#shown.get(this.#options.keyOf(this.#rows[this.#active]));
        shown?.element.querySelector("a")?.focus({ preventScroll: true });
    }
}
