/* catalog.js: what the plugins declare (/v1/plugins): collections, fields, commands, events. Read
 * once, and again after a restart, since plugins may have changed. */
import { getJson } from "./api.js";

let reading = null;

export function catalog() {
    reading ||= getJson("/v1/plugins").catch((error) => {
        reading = null;
        throw error;
    });
    return reading;
}

export const forgetCatalog = () => (reading = null);

export async function collectionNamed(name) {
    const { collections } = await catalog();
    const found = collections.find((collection) => collection.name === name);
    if (found) return found;
    throw Object.assign(new Error(`No loaded plugin has the collection “${name}”.`), {
        title: "No such collection",
    });
}
