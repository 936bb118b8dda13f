/* warnings.c: see warnings.h. */
#include "engine/fold/warnings.h"

#include "base/error.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_over(const struct warning_kind *kind, uint64_t now_ms) {
    return line_limit_is_over(&kind->limit, WARNINGS_WINDOW_MS, now_ms);
}

/* Says how many were left out, if any were. */
static void tell(struct warnings *warnings, struct warning_kind *kind) {
    char line[sizeof kind->format + 256];
    uint64_t left_out = line_limit_settle(&kind->limit);
    if (left_out == 0) return;
    if (kind->collection)
        snprintf(line, sizeof line, "%s: %" PRIu64 " more like this were left out: %s",
                 kind->collection, left_out, kind->format);
    else
        snprintf(line, sizeof line, "%" PRIu64 " more of several kinds were left out", left_out);
    warnings->left_out -= left_out;
    warnings->warn(warnings->context, line);
}

/* ---- Kinds ----------------------------------------------------------------------------------- */

static struct warning_kind *find_kind(struct warnings *warnings, const char *collection,
                                      uint64_t hash) {
    for (size_t i = 0; i < warnings->count; i++) {
        struct warning_kind *kind = &warnings->kinds[i];
        if (kind->hash == hash && kind->collection == collection) return kind;
    }
    return NULL;
}

/* A place that was never used, or that of a kind whose time is over. */
static struct warning_kind *free_place(struct warnings *warnings, uint64_t now_ms) {
    if (warnings->count < WARNING_KINDS_MAX) return &warnings->kinds[warnings->count++];
    for (size_t i = 0; i < warnings->count; i++) {
        struct warning_kind *kind = &warnings->kinds[i];
        if (!is_over(kind, now_ms)) continue;
        tell(warnings, kind);
        return kind;
    }
    return NULL;
}

static struct warning_kind *kind_of(struct warnings *warnings, uint64_t now_ms,
                                    const char *collection, struct reel_str format) {
    uint64_t hash = str_hash(format);
    struct warning_kind *kind = find_kind(warnings, collection, hash);
    if (kind) return kind;
    kind = free_place(warnings, now_ms);
    if (!kind) return &warnings->others;
    *kind = (struct warning_kind){.collection = collection, .hash = hash};
    snprintf(kind->format, sizeof kind->format, "%.*s", REEL_FMT(format));
    kind->format[utf8_cut(kind->format, strlen(kind->format))] = '\0';
    return kind;
}

/* ---- Giving ---------------------------------------------------------------------------------- */

bool warnings_allow(struct warnings *warnings, uint64_t now_ms, const char *collection,
                    struct reel_str format) {
    if (!warnings->warn) return false;
    if (warnings->max == UINT32_MAX) return true;
    struct warning_kind *kind = kind_of(warnings, now_ms, collection, format);
    if (is_over(kind, now_ms)) tell(warnings, kind);
    if (line_limit_allow(&kind->limit, warnings->max, WARNINGS_WINDOW_MS, now_ms)) return true;
    kind->limit.left_out++;
    warnings->left_out++;
    return false;
}

void warnings_look(struct warnings *warnings, uint64_t now_ms) {
    if (warnings->left_out == 0) return;
    for (size_t i = 0; i < warnings->count; i++)
        if (is_over(&warnings->kinds[i], now_ms)) tell(warnings, &warnings->kinds[i]);
    if (is_over(&warnings->others, now_ms)) tell(warnings, &warnings->others);
}

void warnings_finish(struct warnings *warnings) {
    for (size_t i = 0; i < warnings->count; i++) tell(warnings, &warnings->kinds[i]);
    tell(warnings, &warnings->others);
}
