/* verdict.c: see verdict.h. */
#include "daemon/verdict.h"

#include "base/clock.h"
#include "base/text.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define NS_PER_S UINT64_C(1000000000)

static const char *const callback_names[] = {
    [CALLBACK_EVOLVE] = "evolve",        [CALLBACK_DERIVE] = "derive",
    [CALLBACK_DERIVE_RECORD] = "derive", [CALLBACK_DECIDE] = "decide",
    [CALLBACK_KEY] = "canonical_key",
};
enum { CALLBACK_KINDS = sizeof callback_names / sizeof *callback_names };

/* A callback that is to blame. Everything is copied from the page, which a plugin may have written
 * into. */
struct culprit {
    uint32_t kind;
    char collection[CALLBACK_NAME_MAX];
    uint8_t build_id[BUILD_ID_BYTES];
    struct set_aside line; /* all but `kind`, for what it was given */
    bool has_hash;
    bool has_request; /* a command of its own collection was carried out */
    uint8_t caller[CALLBACK_HASH_BYTES];
    uint8_t request[CALLBACK_HASH_BYTES];
};

/* ---- Who it was ------------------------------------------------------------------------------ */

/* The number of the only slot whose callback runs, and 1; or 0. */
static int find_only(const struct callback_page *page) {
    int found = 0;
    for (int i = 0; i < CALLBACK_SLOTS; i++) {
        if (atomic_load(&page->slots[i].number) == 0) continue;
        if (found) return 0;
        found = i + 1;
    }
    return found;
}

/* As a collection's name is; nothing else is written to the file. */
static bool is_name(const char *name) {
    size_t len = strlen(name);
    return len > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static bool read_culprit(const struct callback_page *page, int at, struct culprit *ret) {
    if (at < 1 || at > CALLBACK_SLOTS) return false;
    const struct callback_slot *slot = &page->slots[at - 1];
    uint32_t collection = atomic_load(&slot->collection), kind = atomic_load(&slot->kind);
    if (collection < 1 || collection > CALLBACK_COLLECTIONS || kind >= CALLBACK_KINDS) return false;
    *ret = (struct culprit){.kind = kind};
    snprintf(ret->collection, sizeof ret->collection, "%.*s", CALLBACK_NAME_MAX - 1,
             page->collections[collection - 1].name);
    memcpy(ret->build_id, page->collections[collection - 1].build_id, BUILD_ID_BYTES);
    memcpy(ret->request, slot->request, sizeof ret->request);
    memcpy(ret->caller, slot->caller, sizeof ret->caller);
    ret->has_request = atomic_load(&slot->request_of) == collection;
    struct set_aside *line = &ret->line;
    snprintf(line->collection, sizeof line->collection, "%s", ret->collection);
    memcpy(line->build_id, ret->build_id, sizeof line->build_id);
    memcpy(line->hash, slot->hash, sizeof line->hash);
    line->size = atomic_load(&slot->len);
    line->seq = atomic_load(&slot->seq);
    line->time_s = clock_now_ns() / NS_PER_S;
    snprintf(line->version, sizeof line->version, "%s", reel_version());
    uint64_t number = atomic_load(&slot->number);
    ret->has_hash = kind == CALLBACK_DECIDE ? ret->has_request
                                            : number && atomic_load(&slot->has_hash) == number;
    return is_name(ret->collection);
}

/* ---- Setting aside --------------------------------------------------------------------------- */

static int add(const struct verdicts *verdicts, const struct culprit *culprit,
               enum set_aside_kind kind, struct reel_error *error) {
    struct set_aside line = culprit->line;
    line.kind = kind;
    if (kind == SET_ASIDE_REQUEST) {
        memcpy(line.hash, culprit->request, sizeof line.hash);
        line.size = 0;
    }
    return set_aside_add(verdicts->directory, &line, error);
}

/* A command is made into another event each time, so that the event alone would be of no use. */
static int set_aside(const struct verdicts *verdicts, const struct culprit *culprit,
                     struct reel_error *error) {
    int rc = 0;
    switch (culprit->kind) {
    case CALLBACK_DECIDE:
        return add(verdicts, culprit, SET_ASIDE_REQUEST, error);
    case CALLBACK_KEY:
        return add(verdicts, culprit, SET_ASIDE_KEY, error);
    case CALLBACK_DERIVE_RECORD:
        return add(verdicts, culprit, SET_ASIDE_RECORD, error);
    default:
        rc = add(verdicts, culprit, SET_ASIDE_EVENT, error);
        if (rc == 0 && culprit->has_request) rc = add(verdicts, culprit, SET_ASIDE_REQUEST, error);
        return rc;
    }
}

/* ---- Strikes --------------------------------------------------------------------------------- */

static bool is_strike(const struct verdicts *verdicts, const struct set_aside *line,
                      const struct culprit *culprit) {
    bool is_fold = line->kind == SET_ASIDE_EVENT || line->kind == SET_ASIDE_RECORD;
    return is_fold && strcmp(line->collection, culprit->collection) == 0 &&
           memcmp(line->build_id, culprit->build_id, BUILD_ID_BYTES) == 0 &&
           line->time_s + verdicts->strikes_s >= culprit->line.time_s;
}

/* Since the collection was released last. */
static uint32_t count_strikes(const struct verdicts *verdicts, const struct set_aside_list *list,
                              const struct culprit *culprit) {
    uint32_t strikes = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct set_aside *line = &list->all[i];
        if (is_strike(verdicts, line, culprit)) strikes++;
        if (line->kind == SET_ASIDE_RELEASED && strcmp(line->collection, culprit->collection) == 0)
            strikes = 0;
    }
    return strikes;
}

/* Stops the collection if it has crashed too often. `ret_why`: NULL, if not. */
static int strike(const struct verdicts *verdicts, const struct culprit *culprit,
                  const char **ret_why, struct reel_error *error) {
    struct set_aside_list list = {0};
    struct set_aside_counts counts;
    const char *why = NULL;
    bool is_fold = culprit->kind != CALLBACK_DECIDE && culprit->kind != CALLBACK_KEY;
    int rc = is_fold ? set_aside_read(verdicts->directory, &list, error) : 0;
    set_aside_count(&list, culprit->collection, culprit->build_id, &counts);
    if (counts.events >= SET_ASIDE_EVENTS_MAX)
        why = "as many events are set aside for this build of its plugin as there can be";
    else if (is_fold && count_strikes(verdicts, &list, culprit) >= verdicts->strikes_max)
        why = "the collection has crashed too often";
    set_aside_finish(&list);
    if (rc == 0 && why) rc = add(verdicts, culprit, SET_ASIDE_STOPPED, error);
    if (rc == 0) *ret_why = why;
    return rc;
}

/* ---- The verdict ----------------------------------------------------------------------------- */

static void describe_end(int status, char *ret, size_t size) {
    const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
    if (name)
        snprintf(ret, size, "the worker was ended by SIG%s", name);
    else if (WIFSIGNALED(status))
        snprintf(ret, size, "the worker was ended by signal %d", WTERMSIG(status));
    else
        snprintf(ret, size, "the worker ended with exit code %d", WEXITSTATUS(status));
}

/* "the projector crashed (SIGSEGV): `evolve` of `cells`, on event 17" */
static void describe(const struct culprit *culprit, char *ret, size_t size) {
    char reason[SET_ASIDE_REASON_MAX];
    set_aside_reason(culprit->line.signal, culprit->line.ms, reason);
    int len = snprintf(ret, size, "%s: `%s` of `%s`", reason, callback_names[culprit->kind],
                       culprit->collection);
    if (culprit->kind == CALLBACK_EVOLVE || culprit->kind == CALLBACK_DERIVE)
        snprintf(ret + len, size - (size_t)len, ", on event %" PRIu64, culprit->line.seq);
}

static void append(struct verdict *verdict, const char *text) {
    size_t len = strlen(verdict->sentence);
    snprintf(verdict->sentence + len, sizeof verdict->sentence - len, "%s", text);
}

/* It ended without a word. Is it the second time with the same? The hash is known from the second
 * worker on. */
static bool is_confirmed(struct verdicts *verdicts, const struct culprit *culprit) {
    const uint8_t *hash = culprit->kind == CALLBACK_DECIDE ? culprit->request : culprit->line.hash;
    bool is_same = culprit->has_hash && verdicts->has_suspect &&
                   memcmp(verdicts->suspect, hash, CALLBACK_HASH_BYTES) == 0;
    verdicts->has_suspect = culprit->has_hash;
    memcpy(verdicts->suspect, hash, CALLBACK_HASH_BYTES);
    return is_same;
}

static void execute(const struct verdicts *verdicts, const struct culprit *culprit,
                    struct verdict *ret) {
    struct reel_error error = {0};
    const char *stopped = NULL;
    int rc = set_aside(verdicts, culprit, &error);
    ret->is_set_aside = rc == 0;
    if (rc == 0) append(ret, "; it is set aside, and not tried again");
    if (rc == 0) rc = strike(verdicts, culprit, &stopped, &error);
    if (stopped) {
        append(ret, "; ");
        append(ret, stopped);
        append(ret, ", and it is stopped: its records stay as they are (--release)");
    }
    if (rc == 0) return;
    append(ret, "; ");
    append(ret, error.text);
}

void verdict_find(struct verdicts *verdicts, struct callback_page *page, int status, int hung,
                  uint32_t hung_ms, struct verdict *ret) {
    struct culprit culprit;
    int blamed = atomic_load(&page->blamed);
    bool has_said = blamed != BLAMED_NONE;
    *ret = (struct verdict){0};
    describe_end(status, ret->sentence, sizeof ret->sentence);
    if (!read_culprit(page, hung ? hung : has_said ? blamed : find_only(page), &culprit)) return;
    culprit.line.ms = hung_ms;
    culprit.line.signal = hung                  ? 0
                          : has_said            ? (uint32_t)atomic_load(&page->signal)
                          : WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status)
                                                : 0;
    bool is_sure = hung || has_said || is_confirmed(verdicts, &culprit);
    ret->is_plugin = true;
    ret->has_caller = culprit.has_request || culprit.kind == CALLBACK_KEY;
    memcpy(ret->caller, culprit.caller, sizeof ret->caller);
    describe(&culprit, ret->sentence, sizeof ret->sentence);
    if (is_sure && culprit.has_hash) {
        execute(verdicts, &culprit, ret);
        return;
    }
    atomic_store(&page->eager, true);
    append(ret, "; it is set aside if this happens again");
}
