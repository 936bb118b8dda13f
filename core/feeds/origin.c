/* origin.c: see origin.h. */
#include "feeds/origin.h"

#include "base/cleanup.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <uuid/uuid.h>

/* If the stream holds none of the newest messages of the log, so many of them are tried. */
#define FETCHES_MAX 256

#define HOW_TO                                                                                     \
    "to replace the log by what the stream holds, start once with --rebuild for every collection"

/* The log and the stream that are compared. */
struct comparison {
    struct reel *reel;
    const struct feed_stream *stream;
    struct store_origin kept, wanted;
    bool has_origin;
    uint64_t head;
};

static int read_store(struct comparison *comparison, struct reel_error *error) {
    int rc = engine_origin(comparison->reel, &comparison->kept, &comparison->head, error);
    if (rc < 0) return rc;
    comparison->has_origin = rc > 0;
    return 0;
}

static void hash_text(const char *text, uint8_t ret[16]) {
    struct reel_str part = reel_text(text);
    ids_hash(&part, 1, ret);
}

/* The salt is kept for the same stream, so another filter does not restore the stream's first
 * epoch. */
static void describe(const struct feed_stream *stream, const struct store_origin *kept,
                     struct store_origin *ret) {
    *ret = (struct store_origin){.created_ns = stream->created_ns};
    hash_text(stream->name, ret->stream_hash);
    hash_text(stream->filter, ret->filter_hash);
    if (kept->created_ns == ret->created_ns &&
        memcmp(kept->stream_hash, ret->stream_hash, sizeof kept->stream_hash) == 0)
        memcpy(ret->salt, kept->salt, sizeof ret->salt);
}

/* ---- Replacing the log ----------------------------------------------------------------------- */

static uint64_t first_of(const struct feed_stream *stream) {
    return stream->first_seq > 0 ? stream->first_seq : 1;
}

static int begin_anew(struct comparison *comparison, uint64_t *ret_from, struct reel_error *error) {
    struct reel *reel = comparison->reel;
    const struct store_origin *wanted = &comparison->wanted;
    uint64_t created_ns = htole64(wanted->created_ns); /* in the same byte order on all machines */
    uint8_t epoch[16];
    struct reel_str parts[] = {
        {(const char *)&created_ns, sizeof created_ns},
        {(const char *)wanted->stream_hash, sizeof wanted->stream_hash},
        {(const char *)wanted->filter_hash, sizeof wanted->filter_hash},
        {(const char *)wanted->salt, sizeof wanted->salt},
    };
    ids_hash(parts, sizeof parts / sizeof *parts, epoch);
    int rc = engine_adopt(reel, epoch, first_of(comparison->stream), &comparison->wanted, error);
    if (rc == 0) *ret_from = first_of(comparison->stream);
    return rc < 0 ? rc : 1;
}

static int begin_with_another(struct comparison *comparison, bool may_lose, const char *what,
                              uint64_t *ret_from, struct reel_error *error) {
    const struct feed_stream *stream = comparison->stream;
    if (first_of(stream) > 1 && comparison->head > 0 && !may_lose)
        return fail(error, -ESTALE,
                    "%s; the stream begins at %" PRIu64 ": earlier events would be lost; " HOW_TO,
                    what, first_of(stream));
    int rc = begin_anew(comparison, ret_from, error);
    if (rc < 0) return rc;
    error_set(error, "%s: the log is replaced", what);
    return rc;
}

/* ---- Whether the stream was reset to an older state ------------------------------------------ */

static bool is_same(const struct engine_entry *kept, const struct feed_message *message) {
    if (kept->time_ns != message->time_ns || kept->size != message->bytes.len) return false;
    return (kept->flags & REEL_LOG_OVERSIZE) || reel_str_eq(text_str(&kept->bytes), message->bytes);
}

/* Compares the newest message of the log that the stream still holds. 1: both are the same, or the
 * stream holds none of the messages; 0: they differ. */
static int compare_newest(const struct comparison *comparison,
                          void (*release)(struct feed_message *message), struct reel_error *error) {
    const struct feed_stream *stream = comparison->stream;
    CLEANUP(engine_entry_finish) struct engine_entry kept = {0};
    uint64_t seq = comparison->head;
    for (int tries = 0; tries < FETCHES_MAX && seq >= first_of(stream); tries++) {
        struct feed_message message = {0};
        int rc = engine_find_last(comparison->reel, seq, &kept, error);
        if (rc == -ENOENT || (rc == 0 && kept.seq < first_of(stream))) return 1;
        if (rc == 0) rc = stream->fetch(stream->session, kept.seq, &message, error);
        if (rc < 0) return rc;
        if (rc > 0) {
            bool same = is_same(&kept, &message);
            release(&message);
            return same;
        }
        seq = kept.seq - 1;
    }
    return 1;
}

static int was_taken_back(struct comparison *comparison, const char *how, bool may_lose,
                          uint64_t *ret_from, struct reel_error *error) {
    if (!may_lose)
        return fail(error, -ESTALE, "stream %s was reset to an older state: %s; " HOW_TO,
                    comparison->stream->name, how);
    uuid_generate(comparison->wanted.salt); /* the same numbers name other events now */
    int rc = begin_anew(comparison, ret_from, error);
    if (rc > 0)
        error_set(error, "stream %s was reset (%s): the log is replaced, as requested",
                  comparison->stream->name, how);
    return rc;
}

static int check_same(struct comparison *comparison, bool may_lose,
                      void (*release)(struct feed_message *message), uint64_t *ret_from,
                      struct reel_error *error) {
    const struct feed_stream *stream = comparison->stream;
    char how[120];
    if (stream->last_seq < comparison->head) {
        snprintf(how, sizeof how, "it ends at %" PRIu64 ", and %" PRIu64 " is in the log",
                 stream->last_seq, comparison->head);
        return was_taken_back(comparison, how, may_lose, ret_from, error);
    }
    int rc = compare_newest(comparison, release, error);
    if (rc == 0)
        return was_taken_back(comparison, "one of its events differs from the event in the log",
                              may_lose, ret_from, error);
    if (rc > 0) *ret_from = comparison->head + 1;
    return rc < 0 ? rc : 0;
}

/* ---- The complete check ---------------------------------------------------------------------- */

int origin_check(struct reel *reel, const struct feed_stream *stream, bool may_lose,
                 void (*release)(struct feed_message *message), uint64_t *ret_from,
                 struct reel_error *error) {
    struct comparison comparison = {.reel = reel, .stream = stream};
    int rc = read_store(&comparison, error);
    if (rc < 0) return rc;
    const struct store_origin *kept = &comparison.kept, *wanted = &comparison.wanted;
    describe(stream, kept, &comparison.wanted);
    if (!comparison.has_origin && comparison.head > 0)
        return fail(error, -ESTALE,
                    "the data directory has a log of its own, which would be lost: choose another "
                    "directory to mirror a stream");
    if (!comparison.has_origin) {
        rc = begin_anew(&comparison, ret_from, error);
        return rc < 0 ? rc : 0;
    }
    if (memcmp(kept->stream_hash, wanted->stream_hash, sizeof kept->stream_hash) != 0)
        return begin_with_another(&comparison, may_lose, "the log mirrors another stream", ret_from,
                                  error);
    if (memcmp(kept->filter_hash, wanted->filter_hash, sizeof kept->filter_hash) != 0)
        return begin_with_another(&comparison, may_lose,
                                  "the log mirrors the stream with another filter", ret_from,
                                  error);
    if (kept->created_ns != wanted->created_ns)
        return begin_with_another(&comparison, may_lose, "the stream was created again", ret_from,
                                  error);
    return check_same(&comparison, may_lose, release, ret_from, error);
}

int feed_check_own(struct reel *reel, struct reel_error *error) {
    struct comparison comparison = {.reel = reel};
    int rc = read_store(&comparison, error);
    if (rc < 0 || !comparison.has_origin) return rc;
    return fail(error, -ESTALE,
                "the data directory mirrors a stream: start with --nats to continue it, or choose "
                "another directory");
}
