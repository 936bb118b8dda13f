/* verify.c: see verify.h. */
#include "engine/verify.h"

#include "engine/fold/set_aside.h"
#include "engine/refold.h"
#include "engine/visit.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct verification {
    const struct verifier *verifier;
    const char *directory;
    struct visit visit;
    struct stored stored;
    struct log *log;
    int findings;
};

static void begins(const struct verification *verification, const char *what) {
    verification->verifier->begins(verification->verifier->context, what);
}

REEL_PRINTF(2, 3)
static void state_found(struct verification *verification, const char *format, ...) {
    char sentence[sizeof(struct reel_error)];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    verification->findings++;
    verification->verifier->state_found(verification->verifier->context, sentence);
}

/* ---- The log --------------------------------------------------------------------------------- */

static int verify_log(struct verification *verification, struct reel_error *error) {
    const struct verifier *verifier = verification->verifier;
    const struct visit *visit = &verification->visit;
    int rc = -ENOENT, tries = visit->live ? 2 : 1; /* another log may be taking its place */
    for (int i = 0; rc == -ENOENT && i < tries; i++)
        rc = log_verify(visit->log_path, visit->live, verifier->found, verifier->context, error);
    if (rc > 0) verification->findings += rc;
    return rc < 0 ? rc : 0;
}

/* ---- What is set aside ----------------------------------------------------------------------- */

static int verify_set_aside(struct verification *verification, struct reel_error *error) {
    struct set_aside_list list = {0};
    int rc = set_aside_read(verification->directory, &list, error);
    if (list.damaged) state_found(verification, "line %zu of set-aside is damaged", list.damaged);
    set_aside_finish(&list);
    return rc;
}

/* ---- The log and the state ------------------------------------------------------------------- */

/* Is this what is wrong with the files, and not with our looking at them? */
static bool is_finding(int rc) {
    return rc == -EBADMSG || rc == -EIO || rc == -EPROTO || rc == -ENOENT;
}

/* ---- Collections ----------------------------------------------------------------------------- */

static void compare(struct verification *verification, const struct stored_collection *collection,
                    bool by_fold, const struct digest *found) {
    const struct verifier *verifier = verification->verifier;
    const struct collection_state *state = &collection->state;
    struct verify_compared compared = {
        .collection = collection->name,
        .cursor = state->cursor,
        .by_fold = by_fold,
        .is_shadow = collection->is_shadow,
        .is_same = digest_is_same(&state->digest, found),
    };
    digest_write(&state->digest, compared.stored);
    digest_write(found, compared.found);
    if (!compared.is_same) verification->findings++;
    verifier->compared(verifier->context, &compared);
}

static void not_compared(const struct verification *verification,
                         const struct stored_collection *collection, bool by_fold,
                         const char *why) {
    const struct verifier *verifier = verification->verifier;
    const struct verify_compared compared = {
        .collection = collection->name,
        .by_fold = by_fold,
        .is_shadow = collection->is_shadow,
        .why = why,
    };
    verifier->compared(verifier->context, &compared);
}

static const char *which(const struct stored_collection *collection) {
    return collection->is_shadow ? ", in its rebuild" : "";
}

static int verify_records(struct verification *verification,
                          const struct stored_collection *collection, struct reel_error *error) {
    const struct collection_state *state = &collection->state;
    struct stored_sums sums;
    if (!state->has_digest || state->field_count == 0) {
        not_compared(verification, collection, false,
                     "an earlier version has written it, which kept no digest");
        return 0;
    }
    int rc = stored_add_up(&verification->stored, collection, &sums, error);
    if (is_finding(rc)) {
        state_found(verification, "collection `%s`%s: %.300s", collection->name, which(collection),
                    error->text);
        return 0;
    }
    if (rc < 0) return rc;
    compare(verification, collection, false, &sums.digest);
    if (sums.records == state->records && sums.json_bytes == state->json_bytes) return 0;
    state_found(verification,
                "collection `%s`%s has %llu records of %llu bytes, and counts %llu of %llu",
                collection->name, which(collection), (unsigned long long)sums.records,
                (unsigned long long)sums.json_bytes, (unsigned long long)state->records,
                (unsigned long long)state->json_bytes);
    return 0;
}

/* What is derived from the records. */
static int verify_derived(struct verification *verification,
                          const struct stored_collection *collection, struct reel_error *error) {
    int rc = stored_check_order(&verification->stored, collection, error);
    if (rc == 0) rc = stored_check_fields(&verification->stored, collection, error);
    if (!is_finding(rc)) return rc;
    state_found(verification, "collection `%s`%s: %.300s", collection->name, which(collection),
                error->text);
    return 0;
}

static int verify_set(struct verification *verification, const struct stored_collection *collection,
                      struct reel_error *error) {
    int before = verification->findings;
    if (!collection || !collection->has_state) return 0;
    int rc = verify_records(verification, collection, error);
    if (rc == 0 && verification->findings == before)
        rc = verify_derived(verification, collection, error);
    return rc;
}

static int verify_all_records(struct verification *verification, struct reel_error *error) {
    const struct stored *stored = &verification->stored;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < stored->count; i++) {
        rc = verify_set(verification, &stored->collections[i], error);
        if (rc == 0) rc = verify_set(verification, stored->collections[i].shadow, error);
    }
    return rc;
}

static int fold(struct verification *verification, struct reel *reel, struct refolded *all,
                size_t count, struct reel_error *error) {
    struct log *log = verification->log;
    int rc = set_aside_read(verification->directory, &reel->dispatcher.fold.aside, error);
    if (rc < 0) return rc;
    verification->log = NULL;
    rc = refold_take(reel, log, &verification->stored.state, all, count, error);
    if (rc < 0) return fail_in(error, rc, "cannot fold the log");
    for (size_t i = 0; i < count; i++)
        if (all[i].why)
            not_compared(verification, all[i].stored, true, all[i].why);
        else
            compare(verification, all[i].stored, true, &all[i].digest);
    return 0;
}

static int verify_fold(struct verification *verification, struct reel *reel,
                       struct reel_error *error) {
    const struct stored *stored = &verification->stored;
    AUTO_FREE struct refolded *all = calloc(stored->count + 1, sizeof *all);
    size_t count = 0;
    if (!all) return fail_memory(error);
    for (size_t i = 0; i < stored->count; i++)
        if (stored->collections[i].has_state) all[count++].stored = &stored->collections[i];
    return fold(verification, reel, all, count, error);
}

/* ---- All of it ------------------------------------------------------------------------------- */

static int verify_state(struct verification *verification, struct reel *reel,
                        struct reel_error *error) {
    begins(verification, "reading state/data.mdb");
    int rc = visit_open(&verification->visit, &verification->stored, &verification->log, error);
    if (is_finding(rc)) { /* unlike a log that is damaged, it ends no check */
        state_found(verification, "%s", error->text);
        rc = 0;
    }
    if (rc == 0 && verification->stored.txn) rc = verify_all_records(verification, error);
    stored_end(&verification->stored);
    if (rc < 0 || !reel || !verification->log) return rc;
    begins(verification, "folding the log with the given plugins");
    return verify_fold(verification, reel, error);
}

int verify_directory(const char *directory, struct reel *reel, const struct verifier *verifier,
                     struct reel_error *error) {
    struct verification verification = {.verifier = verifier, .directory = directory};
    int rc = visit_begin(&verification.visit, directory, error);
    if (rc == 0) {
        begins(&verification, "reading log/");
        rc = verify_log(&verification, error);
    }
    bool log_is_whole = verification.findings == 0;
    if (rc == 0) rc = verify_set_aside(&verification, error);
    if (rc == 0 && log_is_whole) rc = verify_state(&verification, reel, error);
    log_close(verification.log);
    stored_close(&verification.stored);
    visit_end(&verification.visit);
    return rc < 0 ? rc : verification.findings;
}
