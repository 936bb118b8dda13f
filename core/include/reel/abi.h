/* reel/abi.h: what a Reel host and its plugins agree on before anything else.
 *
 * A plugin is a shared object that exports one symbol, the constant `reel_plugin` (projector.h).
 * The host reads it, calls nothing to learn what is in it, and refuses what it cannot serve in
 * one sentence. A plugin links against nothing: whatever it asks of the host goes through a
 * table of functions (host.h) reached from the handle that a callback was given.
 *
 * How the ABI grows
 *   - The major version must match. A plugin of an older minor runs; one of a newer minor than
 *     the host's is refused. CHANGES.md, beside this file, has a line for every change.
 *   - Every struct that a plugin declares, and the host's table, begins with its size and only
 *     ever gets members at its end. A member beyond the size that a plugin gave counts as zero,
 *     which always means "not used". Strings, values, keys and handles stay as they are.
 *   - Every list is a NULL-terminated array of pointers to such structs, so that both can grow.
 *   - Flag bits and kinds that the host does not know are refused, never passed over.
 *   - Results have a fixed width and pinned values.
 *
 * Words for threads and states, used at the end of each function's comment:
 *   [load]        once, while the plugin is being loaded; nothing else of it runs
 *   [writer]      inside the one write transaction; never two at a time, not always the same
 *                 operating-system thread
 *   [any thread]  at any time, from several threads at once
 * Handles given to a [writer] callback are good until it returns. The host checks that: a record
 * or a draft of an earlier callback, or a handle of another collection, is the plugin's fault.
 * No callback may be left by an exception or by longjmp.
 */
#ifndef REEL_ABI_H
#define REEL_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define REEL_ABI_MAJOR 1
#define REEL_ABI_MINOR 5

/* "REEL" as little-endian bytes. */
#define REEL_PLUGIN_MAGIC UINT32_C(0x4c454552)

#if defined(__GNUC__)
#define REEL_PRINTF(nth, first) __attribute__((format(printf, nth, first)))
#define REEL_VISIBLE            __attribute__((visibility("default")))
#else
#define REEL_PRINTF(nth, first)
#define REEL_VISIBLE
#endif

/* Before the definition of what a plugin exports, in both languages: a C++ `const` is otherwise
 * local to its file. */
#ifdef __cplusplus
#define REEL_EXPORT extern "C" REEL_VISIBLE
#else
#define REEL_EXPORT REEL_VISIBLE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes with a length: UTF-8, not NUL-terminated, a NUL inside is a character like any other.
 * `data` is NULL for "there is none", which is not the same as an empty string. What a callback
 * is given is borrowed until it returns; what it gives is copied before the call returns. */
struct reel_str {
    const char *data;
    size_t len;
};

/* The string of a C literal or other NUL-terminated text. */
static inline struct reel_str reel_text(const char *text) {
    struct reel_str str = {text, text ? strlen(text) : 0};
    return str;
}

/* Same bytes? None is equal only to none. */
static inline bool reel_str_eq(struct reel_str a, struct reel_str b) {
    if (!a.data || !b.data) return a.data == b.data;
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool reel_str_is(struct reel_str str, const char *text) {
    return reel_str_eq(str, reel_text(text));
}

/* For "%.*s" in the message functions of host.h. Longer text than they print is cut there. */
#define REEL_FMT(str) (int)((str).len > 1024 ? 1024 : (str).len), ((str).data ? (str).data : "")

/* The first bytes of every plugin, laid out the same in all versions to come. */
struct reel_header {
    uint32_t magic;
    uint16_t abi_major;
    uint16_t abi_minor;
    uint32_t struct_size; /* of the struct that this header begins */
};

#ifdef __cplusplus
}
#endif
#endif
