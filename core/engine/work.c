/* work.c: see work.h. In this order: one event, one work, a group. */
#include "engine/work.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "engine/command.h"
#include "engine/control.h"
#include "engine/transaction.h"

#include <errno.h>
#include <stdlib.h>

/* ---- One event ------------------------------------------------------------------------------- */

static int take(struct reel *reel, const struct arrival *arrival, struct reel_result *ret,
                struct reel_error *error) {
    struct appended taken;
    int rc = dispatcher_append(&reel->dispatcher, arrival, &taken, error);
    if (rc == 0) *ret = (struct reel_result){.seq = taken.seq, .outcome = taken.outcome};
    return rc;
}

/* ---- Events ---------------------------------------------------------------------------------- */

/* Adds to the work who rejected an event, and why; also for a repeat. */
static int take_reasons(struct reel *reel, struct work *work, struct reel_result *result,
                        struct reel_error *error) {
    struct store *store = &reel->dispatcher.store;
    size_t from = work->rejections.count;
    if (!work->results || result->outcome != REEL_REJECTED) return 0;
    int rc = rejected_copy(store, &store->writing, result->seq, &work->rejections, error);
    if (rc == 0) rejection_list_tell(&work->rejections, from, result);
    return rc;
}

/* Checks that it is an event with a source and an id, by which a repeat is recognized. */
static int check_named(const struct decoded *decoded, struct reel_error *error) {
    if (decoded->rc == -ENOMEM) return fail_memory(error);
    if (decoded->rc < 0) return fail(error, -EINVAL, "no JSON: %s", decoded->why);
    if (!decoded->event.source.data || !decoded->event.id.data)
        return fail(error, -EINVAL, "the event has no source or no id");
    return 0;
}

static int refuse_misfit(struct work *work, const char *collection, const struct misfit *misfit,
                         struct reel_error *error) {
    char sentence[sizeof *misfit];
    free(work->misfit);
    work->misfit = malloc(sizeof *misfit);
    if (!work->misfit) return fail_memory(error);
    *work->misfit = *misfit;
    work->misfit_collection = collection;
    misfit_write(misfit, sentence, sizeof sentence);
    return fail(error, -ENOMSG, "not as `%s` declares it: %s", collection, sentence);
}

/* Checks a submitted event against the strict declarations of all projectors. What is appended
 * cannot be taken back, so its sender is told before. */
static int check_declared(struct reel *reel, const struct reel_event *event, struct work *work,
                          struct reel_error *error) {
    const struct registry *registry = &reel->dispatcher.registry;
    struct misfit misfit;
    for (size_t i = 0; event->type.data && i < registry->count; i++) {
        const struct projector *projector = registry->collections[i]->projector;
        if (!projector->has_strict_events) continue;
        const struct reel_event_info *info =
            fit_find(projector->declared.events, event->type, REEL_EVENT_STRICT);
        if (info && !fit_event(info, event, &misfit))
            return refuse_misfit(work, projector->declared.collection, &misfit, error);
    }
    return 0;
}

/* Judges what the sender expects of the log, before the first event of the work is appended. 1: it
 * is not met. */
static int check_expected(struct reel *reel, struct work *work, bool has_appended,
                          struct reel_error *error) {
    if (!work->expected || has_appended) return 0;
    int rc = expect_judge(reel, work->expected, error);
    return rc < 0 ? rc : work->expected->is_unmet;
}

/* Appends an event unless the log has it: 1: appended; 0: a repeat; 2: the log is not as expected.
 * Decodes the event, and the same decoded event is folded. */
static int take_once(struct reel *reel, struct work *work, struct reel_str payload,
                     bool has_appended, struct reel_result *ret, struct reel_error *error) {
    CLEANUP(found_finish) struct found known = {0};
    uint8_t hash[16];
    struct decoded *decoded = dispatcher_decode(&reel->dispatcher, payload);
    struct arrival arrival = {.bytes = payload,
                              .flags = LOG_SUBMITTED,
                              .id_hash = hash,
                              .decoded = decoded,
                              .fold = true};
    int rc = check_named(decoded, error);
    if (rc < 0) return rc;
    struct reel_str name[] = {decoded->event.source, decoded->event.id};
    ids_hash(name, 2, hash);
    rc = append_find(reel, hash, name[0], name[1], &known, error);
    if (rc > 0) {
        *ret = (struct reel_result){known.seq, known.answer.outcome, .repeated = true};
        return 0;
    }
    struct appended taken;
    struct log_answer no_command = {.has_record = true, .key = {"", 0}};
    if (rc == 0) rc = check_expected(reel, work, has_appended, error);
    if (rc > 0) return 2;
    if (rc == 0) rc = check_declared(reel, &decoded->event, work, error);
    if (rc == 0) rc = append_submitted(reel, &arrival, &no_command, &taken, error);
    if (rc < 0) return rc;
    *ret = (struct reel_result){.seq = taken.seq, .outcome = taken.outcome};
    return 1;
}

/* ---- A part of the stream -------------------------------------------------------------------- */

static int mirror_one(struct reel *reel, const struct work *work, const struct mirrored *event,
                      struct reel_error *error) {
    struct arrival arrival = {
        .bytes = event->bytes,
        .seq = event->seq,
        .time_ns = event->time_ns,
        .flags = event->flags | (event->id_hash ? LOG_SUBMITTED | LOG_ANSWERED : 0),
        .id_hash = event->id_hash,
        .check_id_hash = true,
        .answer = event->answer,
        .nats_subject = event->subject,
        .fold = true,
    };
    struct appended taken;
    int rc = dispatcher_append(&reel->dispatcher, &arrival, &taken, error);
    if (rc == 0 && taken.has_id_hash) work->taken(work->context, reel, event, &taken);
    return rc < 0 ? rc : dispatcher_spill(&reel->dispatcher, error);
}

/* 0: the log has it already. */
static int mirror_next(struct reel *reel, const struct work *work, const struct mirrored *event,
                       struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    uint64_t head = dispatcher->state.head;
    if (event->seq <= head) return 0;
    if (!(event->flags & LOG_GAP)) return mirror_one(reel, work, event, error);
    uint64_t missing = event->missing < event->seq - head ? event->missing : event->seq - head;
    return dispatcher_put_gap(dispatcher, event->seq, missing, event->time_ns, error);
}

static int mirror_step(struct reel *reel, struct work *work, struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    uint64_t before = dispatcher->state.head;
    if (before < work->follows)
        return fail(error, -ESTALE, "the events before %llu were not appended",
                    (unsigned long long)work->follows + 1);
    for (size_t i = 0; i < work->count; i++) {
        int rc = mirror_next(reel, work, &work->mirrored[i], error);
        if (rc < 0) return rc;
        bool is_last = i + 1 == work->count;
        if (!is_last && dispatcher_is_full(dispatcher)) return STEP_PART;
    }
    if (work->reach > dispatcher->state.head) dispatcher_reach(dispatcher, work->reach);
    return dispatcher->state.head > before ? STEP_WRITTEN : STEP_NOTHING;
}

/* ---- One work -------------------------------------------------------------------------------- */

/* Events of a batch are parsed ahead by the decoder's helper, but not submitted ones: these wait
 * for the disk most of the time, and with the helper they cost a quarter more processor time at the
 * same rate. */
static int events_step(struct reel *reel, struct work *work, struct reel_error *error) {
    int step = STEP_NOTHING, rc = 0;
    size_t expected = 0;
    for (size_t i = 0; i < work->count && rc >= 0; i++) {
        while (!work->submitted && expected < work->count &&
               dispatcher_expect(&reel->dispatcher, work->payloads[expected]))
            expected++;
        struct reel_result result;
        struct arrival arrival = {.bytes = work->payloads[i], .fold = !work->append_only};
        bool has_appended = step == STEP_WRITTEN;
        rc = work->submitted
                 ? take_once(reel, work, work->payloads[i], has_appended, &result, error)
                 : take(reel, &arrival, &result, error);
        if (rc == 2) return STEP_NOTHING;
        if (rc == -ENOMSG) {
            work->misfit_at = i;
            if (work->count > 1) error_prefix(error, "events[%zu]", i);
        }
        if (rc >= 0) rc = take_reasons(reel, work, &result, error);
        if (rc < 0) break;
        if (!result.repeated) step = STEP_WRITTEN;
        if (work->results) work->results[i] = result;
        rc = dispatcher_spill(&reel->dispatcher, error);
    }
    return rc < 0 ? rc : step;
}

static int check_batch(struct reel *reel, const struct work *work, struct reel_error *error) {
    const struct dispatcher *dispatcher = &reel->dispatcher;
    uint64_t bytes = 0;
    for (size_t i = 0; i < work->count;
         i++) /* an event that is too large is neither stored nor parsed */
        if (work->payloads[i].len <= dispatcher->event_bytes_max) bytes += work->payloads[i].len;
    if (work->count > dispatcher->batch_events_max)
        return fail(error, -E2BIG, "a batch of %zu events, at most %u are accepted", work->count,
                    dispatcher->batch_events_max);
    if (bytes > dispatcher->batch_bytes_max)
        return fail(error, -E2BIG, "a batch of %llu bytes, at most %llu are accepted",
                    (unsigned long long)bytes, (unsigned long long)dispatcher->batch_bytes_max);
    return 0;
}

static int step(struct reel *reel, struct work *work) {
    if (work->kind == WORK_MIRROR) return mirror_step(reel, work, &work->error);
    if (work->kind == WORK_COMMAND) {
        reel_command_result_finish(&work->answer);
        work->answer = (struct reel_command_result){0};
        return command_step(reel, work->request, &work->answer, &work->error);
    }
    rejection_list_finish(&work->rejections);
    if (work->expected) work->expected->is_unmet = false;
    int rc = check_batch(reel, work, &work->error);
    return rc < 0 ? rc : events_step(reel, work, &work->error);
}

/* ---- A group --------------------------------------------------------------------------------- */

static void fail_all(struct work *const *works, size_t count, int rc,
                     const struct reel_error *error) {
    for (size_t i = 0; i < count; i++) {
        works[i]->rc = rc;
        works[i]->error = *error;
    }
}

/* True if the error concerns all works that follow: a disk that is full for a single work, or a
 * broken store. */
static bool is_for_all(int rc) {
    return rc == -ENOSPC || rc == -EIO;
}

/* Commits what a work has done so far, and begins the next transaction. */
static int end_part(struct reel *reel, size_t *commits, struct reel_error *error) {
    int rc = transaction_end(reel, 0, error);
    if (rc < 0) return rc;
    ++*commits;
    return dispatcher_begin(&reel->dispatcher, error);
}

/* Carries out all works in one transaction; a part of a stream that is alone, in as many as the
 * memtable needs. Returns `count` if they are done; each work then has
 * its result. Otherwise nothing has happened, and it returns how many works, at least one, may
 * succeed together. */
static size_t run_together(struct reel *reel, struct work *const *works, size_t count,
                           size_t *commits) {
    struct reel_error error = {0};
    bool written = false;
    INVARIANT(count > 0 && !reel->pending);
    int rc = dispatcher_begin(&reel->dispatcher, &error);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        int done = step(reel, works[i]);
        works[i]->rc = done < 0 ? done : 0;
        written = written || done == STEP_WRITTEN;
        if (done == STEP_PART && count == 1) {
            rc = end_part(reel, commits, &error);
            i--; /* goes on where it was */
            continue;
        }
        if (done >= 0 && done != STEP_UNDO && done != STEP_PART) continue;
        dispatcher_abort(&reel->dispatcher);
        if (done == -EIO) fail_all(works, count, done, &works[i]->error);
        return done == -EIO || count == 1 ? count : i > 0 ? i : 1;
    }
    if (rc == 0 && !written) {
        dispatcher_abort(&reel->dispatcher);
        return count;
    }
    if (rc == 0) rc = transaction_end(reel, 0, &error);
    if (rc == 0)
        ++*commits;
    else if (rc != -EIO && count > 1)
        return count / 2; /* together they may be too large for the disk */
    else
        fail_all(works, count, rc, &error);
    return count;
}

/* Carries out a work and undoes it. The events that it would have appended are in its `pending`. */
static void dry_run(struct reel *reel, struct work *work) {
    INVARIANT(!reel->pending && work->kind != WORK_MIRROR && work->kind != WORK_CONTROL);
    pending_finish(work->pending);
    reel->pending = work->pending;
    work->rc = dispatcher_begin(&reel->dispatcher, &work->error);
    if (work->rc == 0) {
        int done = step(reel, work);
        work->rc = done < 0 ? done : 0;
        dispatcher_abort(&reel->dispatcher);
        if (done < 0 || done == STEP_UNDO)
            pending_finish(work->pending); /* the command is refused */
    }
    reel->pending = NULL;
}

static bool is_alone(const struct work *work) {
    return work->pending || work->kind == WORK_CONTROL;
}

static void run_alone(struct reel *reel, struct work *work) {
    if (work->pending)
        dry_run(reel, work);
    else
        work->rc = control_run(reel, work->collection, work->control, &work->error);
}

/* The number of works, from the first on, that can be done together. */
static size_t count_together(struct work *const *works, size_t count) {
    size_t together = 0;
    while (together < count && !is_alone(works[together])) together++;
    return together;
}

/* Carries out all works, each time as many together as may succeed. */
static size_t run_all(struct reel *reel, struct work *const *works, size_t count) {
    size_t commits = 0, together = count_together(works, count);
    while (count > 0) {
        size_t fit = together > 0 ? run_together(reel, works, together, &commits) : 1;
        if (together == 0) {
            run_alone(reel, works[0]);
        } else if (fit < together) {
            together = fit;
            continue;
        }
        INVARIANT(fit > 0 && fit <= count);
        const struct work *last = works[fit - 1];
        works += fit;
        count -= fit;
        together = count_together(works, count);
        if (!is_for_all(last->rc)) continue;
        fail_all(works, count, last->rc, &last->error);
        break;
    }
    return commits;
}

size_t works_run(struct reel *reel, struct work *const *works, size_t count) {
    struct reel_error error = {0};
    atomic_fetch_add(&reel->waiting, 1);
    HOLD_LOCK(&reel->writer);
    atomic_fetch_sub(&reel->waiting, 1);
    int rc = reel->started ? 0 : fail(&error, -EINVAL, "reel_start comes first");
    bool in_order = count == 1 && works[0]->kind == WORK_EVENTS && works[0]->append_only;
    if (rc == 0 && !in_order) rc = transaction_catch_up(reel, &error);
    if (rc < 0) {
        fail_all(works, count, rc, &error);
        return 0;
    }
    views_expire(&reel->views);
    return run_all(reel, works, count);
}

void work_finish(struct work *work) {
    reel_command_result_finish(&work->answer);
    rejection_list_finish(&work->rejections);
    free(work->misfit);
    work->misfit = NULL;
}

int work_run(struct reel *reel, struct work *work, struct reel_error *error) {
    works_run(reel, &work, 1);
    if (work->rc < 0) error_set(error, "%s", work->error.text);
    return work->rc;
}
