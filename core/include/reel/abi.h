/* reel/abi.h: the rules that a Reel host and its plugins share.
 *
 * A plugin is a shared object that exports one symbol, the constant `reel_plugin` (projector.h),
 * and has a note (note.h). The host reads the note in the file before it loads the object, and the
 * constant before it calls any function of the plugin. If the host cannot run the plugin, it
 * refuses the plugin with one sentence that says why. A plugin is not linked with Reel: each handle
 * passed to a callback points to a table of functions in the host (host.h, sink_host.h).
 *
 * How the ABI grows
 *   - The major version must match. The host runs plugins of the same and of older minor versions,
 *     and refuses plugins of newer minor versions. CHANGES.md has a line for each change.
 *   - A plugin's minor version is REEL_ABI_TARGET_MINOR, which may be older than the headers.
 *   - A struct that a plugin declares begins with its size. New members are added at its end only.
 *     If a plugin's struct is smaller than the host's, the host reads the missing members as zero.
 *     Zero always means "not used".
 *   - A struct that the host lends by pointer gets new members at its end only. A plugin reads the
 *     members that it was compiled with, and the host has at least these.
 *   - If the host fills a struct in the plugin's memory, the plugin passes the struct's size, and
 *     the host writes at most this many bytes.
 *   - A list of such structs, in either direction, is a NULL-terminated array of pointers, never an
 *     array of the structs themselves. So the structs and the list can grow.
 *   - Strings, values, keys, epochs, errors and handles never change. They may stand in arrays and
 *     within other structs.
 *   - The tables of functions get new functions at their end only.
 *   - Enumerations have a fixed width and fixed values. The host refuses flags and kinds that it
 *     does not know.
 *
 * Threads. The comment of each function ends with a tag, which says where the function is called:
 *   [load]        while the host loads the plugin. None of the plugin's callbacks has run yet.
 *   [main]        on the daemon's main thread, one call at a time.
 *   [writer]      while the host holds its write lock: one call at a time, but not always on the
 *                 same operating-system thread. The callback delays all other writing.
 *   [any thread]  on any thread, also on several threads at once.
 *   [view]        on any thread, but on one thread at a time for one view.
 *   [setup]       only reel.h: between reel_open and reel_start, on one thread at a time.
 *   [alone]       only reel.h: while no other call for this Reel is running.
 *
 * A handle that a [writer] callback is given is valid until this callback returns, on the thread of
 * the callback. The host checks handles: a call with a handle of an earlier callback, or of another
 * collection, does nothing, and the host rejects the event; a call on another thread while a
 * callback runs ends the process. A callback must not be left by an exception or by longjmp.
 */
#ifndef REEL_ABI_H
#define REEL_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define REEL_ABI_MAJOR 1
#define REEL_ABI_MINOR 0

/* The oldest host on which the plugin shall run: its minor version. Define it before the first
 * header of Reel is included, or as a flag of the compiler: -DREEL_ABI_TARGET_MINOR=0. Whatever was
 * added to the ABI later is then not declared, so that to use it is an error of the compiler.
 * Without a definition, the plugin may use everything in these headers, and needs a host that is
 * not older than they are. The rule for headers: whatever is new in 1.N stands within
 * `#if REEL_ABI_TARGET_MINOR >= N`. */
#ifndef REEL_ABI_TARGET_MINOR
#define REEL_ABI_TARGET_MINOR REEL_ABI_MINOR
#elif REEL_ABI_TARGET_MINOR > REEL_ABI_MINOR
#error "REEL_ABI_TARGET_MINOR is beyond REEL_ABI_MINOR: these headers are older than the target"
#endif

/* "REEL" as little-endian bytes. */
#define REEL_PLUGIN_MAGIC UINT32_C(0x4c454552)

#if defined(__GNUC__)
#define REEL_PRINTF(nth, first) __attribute__((format(printf, nth, first)))
#define REEL_VISIBLE            __attribute__((visibility("default")))
#else
#define REEL_PRINTF(nth, first)
#define REEL_VISIBLE
#endif

/* Put this before the definition of `reel_plugin`, in C and in C++. Without `extern "C"`, a `const`
 * in C++ is local to its file. */
#ifdef __cplusplus
#define REEL_EXPORT extern "C" REEL_VISIBLE
#else
#define REEL_EXPORT REEL_VISIBLE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes with a length: UTF-8, not NUL-terminated. A NUL inside is a character like any other.
 * `data` is NULL if there is no string, which is not the same as an empty string. Strings passed to
 * a callback are borrowed until it returns. Strings passed to the host are copied before the call
 * returns. */
struct reel_str {
    const char *data;
    size_t len;
};

/* Makes a string of a C literal or of other NUL-terminated text, which is borrowed. NULL gives no
 * string. [any thread] */
static inline struct reel_str reel_text(const char *text) {
    struct reel_str str = {text, text ? strlen(text) : 0};
    return str;
}

/* True if both have the same bytes, or if neither has a string. [any thread] */
static inline bool reel_str_eq(struct reel_str a, struct reel_str b) {
    if (!a.data || !b.data) return a.data == b.data;
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* True if the string has the same bytes as the NUL-terminated text. [any thread] */
static inline bool reel_str_is(struct reel_str str, const char *text) {
    return reel_str_eq(str, reel_text(text));
}

/* The arguments for "%.*s" in a message. Longer strings are cut to 1,024 bytes. */
#define REEL_FMT(str) (int)((str).len > 1024 ? 1024 : (str).len), ((str).data ? (str).data : "")

/* A sentence about what went wrong, without a full stop and without a newline. Longer sentences are
 * cut. */
struct reel_error {
    char text[1024];
};

/* The severity of a line for the operator. */
typedef int32_t reel_level;
enum {
    REEL_LEVEL_ERROR = 1,
    REEL_LEVEL_WARNING = 2,
    REEL_LEVEL_INFO = 3,
    REEL_LEVEL_DEBUG = 4,
};

/* The first bytes of every plugin. Their layout is the same in all versions, so that every host can
 * read the version of every plugin. */
struct reel_header {
    uint32_t magic; /* REEL_PLUGIN_MAGIC */
    uint16_t abi_major;
    uint16_t abi_minor;
    uint32_t struct_size; /* of the struct that begins with this header */
};

#ifdef __cplusplus
}
#endif
#endif
