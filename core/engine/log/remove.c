/* remove.c: removes files: segments below the floor, and what a crash has left of others.
 *
 * Nothing depends on it that they go: opening passes over segments below the floor, and over names
 * that are not a segment's. So a file that cannot be removed costs only its space. It is told, and
 * the helper tries again, once in RETRY_MS; if the process ends before, the next opening does.
 */
#include "engine/log/log.h"
#include "engine/log/log_private.h"

#include "base/cleanup.h"
#include "base/invariant.h"

#include <errno.h>
#include <string.h>

#define NAME_BYTES ((size_t)32)

/* ---- Removing -------------------------------------------------------------------------------- */

int log_try_remove(struct log *log, const char *name, struct reel_error *error) {
    int rc = log->io->unlink(log->directory, name);
    return rc == 0 || rc == -ENOENT ? 0 : fail(error, rc, "log/%s: %s", name, strerror(-rc));
}

void log_remove(struct log *log, const char *name) {
    char kept[NAME_BYTES] = "";
    struct reel_error error;
    int rc = log_try_remove(log, name, &error);
    if (rc < 0) {
        snprintf(kept, sizeof kept, "%.31s", name);
        text_append(&log->unremoved, kept, sizeof kept); /* without memory, opening does it */
        log->unremoved.failed = false;
        log_note_chore(log, CHORE_REMOVE, rc, &error);
    }
}

int log_remove_again(struct log *log, struct reel_error *error) {
    HOLD_LOCK(&log->files_lock);
    struct text *names = &log->unremoved;
    size_t left = 0, len = names->len;
    int failed = 0;
    for (size_t at = 0; at < len; at += NAME_BYTES) {
        int rc = log_try_remove(log, names->data + at, error);
        if (rc == 0) continue;
        memmove(names->data + left, names->data + at, NAME_BYTES);
        left += NAME_BYTES;
        failed = rc;
    }
    names->len = left;
    int rc = log_remove_spares(log, error);
    if (failed < 0 || rc < 0) return failed < 0 ? failed : rc;
    return len > 0 || rc > 0;
}

bool log_has_to_remove(struct log *log) {
    HOLD_LOCK(&log->files_lock);
    return log->unremoved.len > 0 || log_has_left_spares(log);
}

/* ---- Trimming -------------------------------------------------------------------------------- */

/* The number of the oldest segments that have no event at or above the floor. The newest segment is
 * never counted. */
static size_t count_below(const struct log_pin *pin, uint64_t first_seq) {
    size_t count = 0;
    while (count + 1 < pin->count && pin->segments[count + 1]->head.first_seq <= first_seq) count++;
    return count;
}

static void remove_some(struct log *log, const struct log_pin *pin, size_t count) {
    for (size_t i = 0; i < count && log->directory >= 0; i++)
        log_remove(log, pin->segments[i]->name);
    if (log->unremoved.len > 0 && log->active) log_wake_helper(log);
}

size_t log_trim(struct log *log) {
    HOLD_LOCK(&log->files_lock);
    struct log_pin *pin = log_pin(log);
    size_t count = count_below(pin, log->now.facts.first_seq);
    INVARIANT(count < pin->count || pin->count == 0); /* the newest segment stays */
    struct log_pin *rest = count > 0 ? pin_create(pin->count - count) : NULL;
    if (rest) {
        for (size_t i = 0; i < rest->count; i++)
            rest->segments[i] = segment_ref(pin->segments[count + i]);
        log_set_pin(log, rest);
        remove_some(log, pin, count);
    }
    if (log->dedup) dedup_trim(log->dedup, log->now.facts.first_seq);
    log_unpin(pin);
    return rest ? count : 0;
}
