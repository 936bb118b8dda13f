/* command.c: carries out a command (reel_command in reel.h) within one transaction (work.h):
 * decides it, appends and folds its events, and makes the result.
 *
 * With an idempotency key, the ids of the command's events are UUIDs made from the collection, the
 * verb, the record's key, the idempotency key and the caller. So a repeat finds the last event of
 * the first command in the log, and appends nothing. Without an idempotency key, the ids are
 * random. A repeat must have the same body. If the body differs, the same idempotency key was used
 * for another command, which is refused (draft-ietf-httpapi-idempotency-key-header, section 2.7).
 */
#include "engine/command.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "engine/append.h"
#include "engine/fold/changes.h"
#include "engine/store/rejected.h"
#include "engine/transaction.h"
#include "event/formats.h"
#include "event/subject.h"
#include "json/value.h"
#include "json/write.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <uuid/uuid.h>

#define UUID_TEXT 37

/* One command while it is carried out. */
struct working {
    struct reel *reel;
    const struct reel_command_request *asked;
    struct collection *collection;
    struct reel_key key; /* canonical; for a create, the new key */
    char new_key[UUID_TEXT];
    struct reel_value body;
    struct log_answer request; /* what a repeat will be held against; without the record */
    char time[40];             /* RFC 3339, UTC, milliseconds */
    uint64_t bytes;            /* of the events that were made */
    struct reel_command_result answer;
};

/* Refuses the command without calling the projector. Returns 1. */
REEL_PRINTF(4, 5)
static int refuse(struct working *work, reel_refusal kind, const char *problem, const char *format,
                  ...) {
    struct reel_command_result *answer = &work->answer;
    answer->refusal = kind;
    snprintf(answer->problem, sizeof answer->problem, "%s", problem);
    va_list args;
    va_start(args, format);
    message_format(answer->detail, sizeof answer->detail, format, args);
    va_end(args);
    return 1;
}

/* ---- The record and the command's body ------------------------------------------------------- */

static bool has_command(const struct projector *projector, struct reel_str verb) {
    for (uint32_t i = 0; i < projector->command_count; i++)
        if (reel_str_is(verb, projector->commands[i].verb)) return true;
    return false;
}

/* It becomes an attribute of events. */
static int check_principal(struct reel_str principal, struct reel_error *error) {
    if (principal.len > REEL_PRINCIPAL_MAX)
        return fail(error, -EINVAL, "request.principal has %zu bytes, at most %d are allowed",
                    principal.len, REEL_PRINCIPAL_MAX);
    if (principal.len == 0 || format_is_clean(principal)) return 0;
    return fail(error, -EINVAL, "request.principal is not UTF-8, or has control characters");
}

/* Commands are decided on records as of the cursor. */
static int check_folded(const struct collection *collection, struct reel_error *error) {
    const struct set_aside *stopped = collection->stopped;
    char reason[SET_ASIDE_REASON_MAX];
    if (stopped) {
        set_aside_reason(stopped->signal, stopped->ms, reason);
        return fail(error, -EAGAIN, "collection `%s` is stopped: again and again, %s",
                    collection->name, reason);
    }
    if (collection->paused_from)
        return fail(error, -EAGAIN, "collection `%s` is paused", collection->name);
    if (collection->lags)
        return fail(error, -EAGAIN, "collection `%s` catches up after a pause", collection->name);
    return 0;
}

static int find_command(struct working *work, struct reel_error *error) {
    const struct reel_command_request *asked = work->asked;
    const uint32_t known = REEL_COMMAND_IF_EXISTS | REEL_COMMAND_IF_VERSION |
                           REEL_COMMAND_UNLESS_EXISTS | REEL_COMMAND_UNLESS_VERSION;
    if (asked->flags & ~known)
        return fail(error, -EINVAL, "request.flags has unknown bits 0x%x", asked->flags & ~known);
    int rc = check_principal(asked->principal, error);
    if (rc < 0) return rc;
    work->collection = registry_find(&work->reel->dispatcher.registry, asked->collection);
    if (!work->collection)
        return fail(error, -ESRCH, "no collection `%.*s` is loaded", REEL_FMT(asked->collection));
    rc = check_folded(work->collection, error);
    if (rc < 0) return rc;
    if (!has_command(work->collection->projector, asked->verb))
        return fail(error, -ENOENT, "collection `%s` has no command `%.*s`", work->collection->name,
                    REEL_FMT(asked->verb));
    return 0;
}

/* Makes a UUID from the command and `what`, which is "key" or the number of an event. */
static void derive_uuid(const struct working *work, const char *what, char ret[UUID_TEXT]) {
    const struct reel_command_request *asked = work->asked;
    uuid_t uuid;
    if (asked->idempotency_key.data) {
        struct reel_str parts[] = {
            asked->collection,
            asked->verb,
            reel_str_is(asked->verb, "create") ? reel_text("") : work->key.str,
            asked->idempotency_key,
            asked->caller,
            reel_text(what),
        };
        ids_hash(parts, sizeof parts / sizeof *parts, uuid);
    } else {
        uuid_generate(uuid);
    }
    uuid_unparse_lower(uuid, ret);
}

static int take_key(struct working *work, struct reel_error *error) {
    struct reel_str given = work->asked->key;
    if (reel_str_is(work->asked->verb, "create")) {
        derive_uuid(work, "key", work->new_key);
        work->key.str = reel_text(work->new_key);
        return 0;
    }
    int rc = collection_canonical_key(work->collection, given, &work->key);
    if (rc == 0 && given.data && work->key.str.data) return 0;
    if (rc == -EBUSY)
        return fail(error, -EAGAIN,
                    "collection `%s`: its keys have ended the process too often: they are not "
                    "tried until it is released",
                    work->collection->name);
    return refuse(work, REEL_INVALID, "bad-request", "`%.*s` cannot be a key of this collection",
                  REEL_FMT(given));
}

static int take_body(struct working *work, struct reel_error *error) {
    struct reel_str body = work->asked->body;
    struct json *json;
    const char *why;
    if (!body.data || body.len == 0) return 0;
    if (body.len > work->reel->dispatcher.event_bytes_max)
        return refuse(work, REEL_TOO_LARGE, "payload-too-large",
                      "the body has %zu bytes, at most %u are accepted", body.len,
                      work->reel->dispatcher.event_bytes_max);
    int rc = json_parse(work->reel->bodies, body, 0, &json, &why);
    if (rc == -ENOMEM) return fail_memory(error);
    if (rc < 0) return refuse(work, REEL_INVALID, "bad-request", "the body is not JSON: %s", why);
    work->body = json_root(json);
    return 0;
}

static void take_request(struct working *work) {
    const struct reel_command_request *asked = work->asked;
    work->request.principal = asked->principal;
    work->request.has_body = true;
    ids_hash(&asked->body, 1, work->request.body_hash);
    if (asked->caller.data) ids_hash(&asked->caller, 1, work->request.caller_hash);
}

static void take_time(struct working *work) {
    const struct reel *reel = work->reel;
    uint64_t now_ns = reel->now ? reel->now(reel->now_context) : clock_now_ns();
    time_t now_s = (time_t)(now_ns / 1000000000);
    struct tm utc;
    gmtime_r(&now_s, &utc);
    size_t len = strftime(work->time, sizeof work->time, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(work->time + len, sizeof work->time - len, ".%03uZ",
             (unsigned)(now_ns / 1000000 % 1000));
}

/* ---- Repeats --------------------------------------------------------------------------------- */

/* Names an event by its position, counted from the last event. Trimming removes the last event
 * last. So the command is known as long as this event is known. */
static void name_event(const struct working *work, size_t from_last, char ret_id[UUID_TEXT],
                       uint8_t ret_hash[16]) {
    char what[32];
    snprintf(what, sizeof what, "event %zu", from_last);
    derive_uuid(work, what, ret_id);
    struct reel_str parts[] = {reel_text(work->reel->source), reel_text(ret_id)};
    ids_hash(parts, 2, ret_hash);
}

/* 1: this very command was accepted before. */
static int find_repeat(struct working *work, struct found *ret, struct reel_error *error) {
    char id[UUID_TEXT];
    uint8_t hash[16];
    if (!work->asked->idempotency_key.data) return 0;
    name_event(work, 0, id, hash);
    return append_find(work->reel, hash, reel_text(work->reel->source), reel_text(id), ret, error);
}

/* ---- Appending the events -------------------------------------------------------------------- */

static void append_member(struct text *text, const char *name, struct reel_str value) {
    text_append_lit(text, ",\"");
    text_append_lit(text, name);
    text_append_lit(text, "\":");
    text_append_quoted(text, value);
}

/* Writes the CloudEvent of a draft (CloudEvents 1.0, JSON format). */
static void write_event(const struct working *work, const struct draft *draft, const char *id,
                        struct text *ret) {
    text_append_lit(ret, "{\"specversion\":\"1.0\"");
    append_member(ret, "id", reel_text(id));
    append_member(ret, "source", reel_text(work->reel->source));
    append_member(ret, "type", draft->type);
    if (draft->subject.data) append_member(ret, "subject", draft->subject);
    append_member(ret, "time", reel_text(work->time));
    if (work->asked->principal.len > 0) append_member(ret, "principal", work->asked->principal);
    append_member(ret, "datacontenttype", reel_text("application/json"));
    text_append_lit(ret, ",\"data\":");
    text_append_str(ret, text_str(&draft->data));
    text_append_lit(ret, "}}");
}

/* Writes the subject for publishing the event. Its phase is the last part of the event's type. */
static void write_subject(const struct working *work, const struct draft *draft, struct text *ret) {
    struct reel_str phase = draft->type;
    const char *dot = memrchr(phase.data, '.', phase.len);
    if (dot) phase = (struct reel_str){dot + 1, (size_t)(phase.data + phase.len - dot) - 1};
    text_append_lit(ret, SUBJECT_ROOT ".");
    subject_append_part(ret, reel_text(work->collection->name));
    text_append_lit(ret, ".");
    subject_append_part(ret, work->reel->decision.key);
    text_append_lit(ret, ".");
    subject_append_part(ret, phase);
}

/* Checks the result of the projector's own evolve, which should agree with its decide. */
static int check_taken(struct working *work, const struct appended *taken,
                       struct reel_error *error) {
    struct collection *collection = work->collection;
    struct store *store = collection->store;
    struct reel_str reason;
    if (!taken->is_json) /* the body was JSON, but in the event it is nested too deeply */
        return refuse(work, REEL_INVALID, "bad-request", "the body is nested too deeply");
    int rc = rejected_get(store, &store->writing, taken->seq, collection->name,
                          collection->state.set, &reason, error);
    if (rc < 0) return rc == -ENOENT ? 0 : rc;
    return fail(error, -EPROTO, "plugin %s (%s): its evolve rejects what its decide drafted: %.*s",
                collection->plugin->declared->name, collection->name, REEL_FMT(reason));
}

/* 1: the command is refused. */
static int append_event(struct working *work, size_t n, struct reel_error *error) {
    struct dispatcher *dispatcher = &work->reel->dispatcher;
    const struct decision *decision = &work->reel->decision;
    CLEANUP(text_finish) struct text event = {0}, subject = {0};
    char id[UUID_TEXT];
    uint8_t hash[16];
    name_event(work, decision->count - 1 - n, id, hash);
    write_event(work, decision->drafts[n], id, &event);
    write_subject(work, decision->drafts[n], &subject);
    if (event.failed || subject.failed) return fail_memory(error);
    work->bytes += event.len;
    if (event.len > dispatcher->event_bytes_max || work->bytes > dispatcher->batch_bytes_max)
        return refuse(work, REEL_TOO_LARGE, "payload-too-large",
                      "one of its events would have %zu bytes, at most %u are accepted", event.len,
                      dispatcher->event_bytes_max);
    struct arrival arrival = {
        .bytes = text_str(&event),
        .flags = LOG_SUBMITTED,
        .id_hash = hash,
        .nats_subject = text_str(&subject),
        .fold = true,
    };
    struct appended taken;
    struct log_answer request = work->request;
    request.has_record = true;
    request.key = decision->key;
    int rc = append_submitted(work->reel, &arrival, &request, &taken, error);
    if (rc < 0) return rc;
    work->answer.seq = taken.seq;
    return check_taken(work, &taken, error);
}

static int append_events(struct working *work, struct reel_error *error) {
    for (size_t n = 0; n < work->reel->decision.count; n++) {
        int rc = append_event(work, n, error);
        if (rc != 0) return rc;
    }
    return 0;
}

/* ---- The result ------------------------------------------------------------------------------ */

static int show_record(struct working *work, struct reel_str key, struct reel_error *error) {
    struct reel_command_result *answer = &work->answer;
    answer->key = str_copy(key);
    answer->key_len = key.len;
    answer->cursor = work->reel->dispatcher.state.cursor;
    if (!answer->key) return fail_memory(error);
    return changes_show(work->collection, key, &work->reel->dispatcher.fold.arena, &answer->record,
                        &answer->record_len, error);
}

static void take_refusal(struct working *work) {
    const struct decision *decision = &work->reel->decision;
    work->answer.refusal = decision->refusal;
    snprintf(work->answer.problem, sizeof work->answer.problem, "%s", decision->problem);
    snprintf(work->answer.detail, sizeof work->answer.detail, "%s", decision->detail);
}

/* The first one's answer again, with the record as it is by now. */
static int repeat(struct working *work, const struct found *known, struct reel_error *error) {
    const struct log_answer *first = &known->answer;
    if (append_is_other_body(first, work->request.body_hash)) {
        append_refuse_key(&work->answer);
        return STEP_NOTHING;
    }
    work->answer.accepted = work->answer.repeated = true;
    work->answer.seq = known->seq;
    int rc = show_record(work, first->has_record ? first->key : work->key.str, error);
    return rc < 0 ? rc : STEP_NOTHING;
}

/* ---- Conditions ------------------------------------------------------------------------------ */

static bool is_among(const struct working *work, const struct change *change,
                     const struct reel_version *const *versions) {
    char epoch[UUID_TEXT];
    uuid_unparse_lower(work->reel->dispatcher.state.epoch, epoch);
    for (; versions && *versions; versions++)
        if ((*versions)->changed == change->changed &&
            (*versions)->generation == work->collection->state.generation &&
            strcmp((*versions)->epoch.text, epoch) == 0)
            return true;
    return false;
}

/* Why the command must not be carried out; NULL: it may be. */
static const char *what_forbids(const struct working *work, const struct change *change) {
    const struct reel_command_request *asked = work->asked;
    const uint32_t wants = REEL_COMMAND_IF_EXISTS | REEL_COMMAND_IF_VERSION;
    if ((asked->flags & wants) && !change->exists) return "there is no such record";
    if ((asked->flags & wants) && !(asked->flags & REEL_COMMAND_IF_EXISTS) &&
        !is_among(work, change, asked->versions))
        return "the record has changed";
    if ((asked->flags & REEL_COMMAND_UNLESS_EXISTS) && change->exists) return "the record exists";
    if ((asked->flags & REEL_COMMAND_UNLESS_VERSION) && change->exists &&
        is_among(work, change, asked->unless_versions))
        return "the record has not changed";
    return NULL;
}

/* 1: refused. */
static int check_condition(struct working *work, struct reel_error *error) {
    struct change *change;
    struct collection *collection = work->collection;
    if (!work->asked->flags) return 0;
    int rc = changes_find(collection, work->key.str, &collection->fold->arena, &change, error);
    if (rc < 0) return rc;
    const char *why = what_forbids(work, change);
    return why ? refuse(work, REEL_CHANGED, "precondition-failed", "%s", why) : 0;
}

static int decide(struct working *work, struct reel_error *error) {
    struct reel *reel = work->reel;
    CLEANUP(found_finish) struct found known = {0};
    int rc = find_repeat(work, &known, error);
    if (rc != 0) return rc < 0 ? rc : repeat(work, &known, error);
    rc = check_condition(work, error);
    if (rc != 0) return rc < 0 ? rc : STEP_NOTHING;
    struct reel_command command = {
        .struct_size = sizeof command,
        .verb = work->asked->verb,
        .key = work->key.str,
        .time = reel_text(work->time),
        .body = work->body,
    };
    if (work->asked->principal.len > 0) command.principal = work->asked->principal;
    rc = decision_run(&reel->decision, work->collection, &reel->dispatcher.registry, &command,
                      reel->dispatcher.state.head + 1, error);
    if (rc < 0) return rc;
    if (reel->decision.refused) {
        take_refusal(work);
        return STEP_NOTHING;
    }
    rc = append_events(work, error);
    if (rc > 0) {
        work->answer.seq = 0; /* the appended events will be undone */
        return STEP_UNDO;
    }
    if (rc == 0) rc = show_record(work, reel->decision.key, error);
    if (rc < 0) return rc;
    work->answer.accepted = true;
    return reel->decision.count > 0 ? STEP_WRITTEN : STEP_NOTHING;
}

/* ---- Commands that have ended the process ---------------------------------------------------- */

/* What a command is, apart from who gives it and when. */
static void hash_request(const struct reel_command_request *asked, uint8_t ret[16]) {
    const struct reel_str parts[] = {asked->collection, asked->verb, asked->key, asked->body};
    ids_hash(parts, sizeof parts / sizeof *parts, ret);
}

/* A command is not tried again if it has ended the process before. What is carried out now is known
 * to whoever watches this process. */
static int begin_request(struct working *work, struct callback_slot *slot,
                         struct reel_error *error) {
    const struct collection *collection = work->collection;
    uint8_t hash[16];
    if (collection->aside->count == 0 && !callbacks_page()) return 0;
    hash_request(work->asked, hash);
    const struct set_aside *line =
        set_aside_find(collection->aside, SET_ASIDE_REQUEST, collection->name,
                       plugin_build_id(collection->plugin), hash, 0);
    if (!line && collection->refuses_requests)
        return fail(error, -EPROTO,
                    "plugin %s (%s): its commands have ended the process too often: they are not "
                    "tried until the collection is released",
                    collection->plugin->declared->name, collection->name);
    if (line) {
        char reason[SET_ASIDE_REASON_MAX];
        set_aside_reason(line->signal, line->ms, reason);
        return fail(error, -EPROTO, "plugin %s (%s): %s with this command; it is not tried again",
                    collection->plugin->declared->name, collection->name, reason);
    }
    callback_begin_request(slot, collection->watched, hash, work->asked->caller);
    return 0;
}

int command_step(struct reel *reel, const struct reel_command_request *asked,
                 struct reel_command_result *ret, struct reel_error *error) {
    struct reel_command_request own = {0};
    memcpy(&own, asked, asked->struct_size < sizeof own ? asked->struct_size : sizeof own);
    struct working work = {.reel = reel, .asked = &own};
    struct callback_slot *slot = callback_slot_here(&reel->dispatcher.fold.own_slot);
    int rc = find_command(&work, error);
    if (rc == 0) rc = begin_request(&work, slot, error);
    if (rc == 0) rc = take_key(&work, error);
    if (rc == 0) rc = take_body(&work, error);
    if (rc > 0)
        rc = STEP_NOTHING; /* it is already refused */
    else if (rc == 0) {
        take_request(&work);
        take_time(&work);
        rc = decide(&work, error);
    }
    callback_end_request(slot);
    if (rc < 0)
        reel_command_result_finish(&work.answer);
    else
        *ret = work.answer;
    return rc;
}

void reel_command_result_finish(struct reel_command_result *answer) {
    free(answer->key);
    free(answer->record);
    answer->key = answer->record = NULL;
}
