/* rows.js: the records of a collection in an order, kept up to date frame by frame. Changes are
 * gathered and merged into the order together, so that many at once cost little more than one. */
import { comparison } from "./order.js";

export class Rows {
    #byKey = new Map();
    #changed = new Set();
    #sorted = [];
    #compare = comparison("");
    #isSorted = true;

    get count() {
        return this.#byKey.size;
    }

    clear() {
        this.#byKey.clear();
        this.#changed.clear();
        this.#sorted = [];
        this.#isSorted = true;
    }

    setOrder(order) {
        this.#compare = comparison(order);
        this.#isSorted = false;
    }

    /* A frame of the record stream. */
    take({ key, record, seq }) {
        if (record) this.#byKey.set(key, { key, record, changed: seq });
        else if (!this.#byKey.delete(key)) return;
        this.#changed.add(key);
    }

    /* All rows in order, in a new array. */
    sorted() {
        const isMany = this.#changed.size > this.#byKey.size / 4;
        if (!this.#isSorted || isMany) this.#sorted = [...this.#byKey.values()].sort(this.#compare);
        else if (this.#changed.size > 0) this.#sorted = this.#merged();
        this.#changed.clear();
        this.#isSorted = true;
        return this.#sorted;
    }

    #merged() {
        const fresh = [...this.#changed]
            .map((key) => this.#byKey.get(key))
            .filter(Boolean)
            .sort(this.#compare);
        const all = [];
        let next = 0;
        for (const row of this.#sorted) {
            if (this.#changed.has(row.key)) continue;
            while (next < fresh.length && this.#compare(fresh[next], row) < 0)
                all.push(fresh[next++]);
            all.push(row);
        }
        return all.concat(fresh.slice(next));
    }
}
