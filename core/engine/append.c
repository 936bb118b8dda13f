/* append.c: see append.h. */
#include "engine/append.h"

#include "base/invariant.h"
#include "engine/transaction.h"
#include "event/event.h"
#include "event/subject.h"
#include "json/parser.h"

#include <errno.h>
#include <stdlib.h>

/* Does this event of the log have that source and id? By a parser of its own: the event that is
 * looked for, and the body of a command, stay as they were decoded. */
static int is_named(struct json_parser *parser, const struct log_entry *entry,
                    struct reel_str source, struct reel_str id, struct reel_error *error) {
    struct json *json;
    struct reel_event event;
    const char *why;
    int rc = json_parse(parser, entry->bytes, entry->room, &json, &why);
    if (rc == -ENOMEM) return fail_memory(error);
    if (rc < 0) return 0;
    event_read(json, &event);
    return reel_str_eq(event.id, id) && reel_str_eq(event.source, source);
}

int append_find(struct reel *reel, const uint8_t hash[16], struct reel_str source,
                struct reel_str id, struct ids_known *ret, struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    struct store *store = &dispatcher->store;
    struct log_entry entry;
    int rc = ids_get(store, store->txn, hash, ret, error);
    if (rc < 0) return rc == -ENOENT ? 0 : rc;
    rc = log_flush(&dispatcher->log, error); /* it may have come in this very transaction */
    if (rc == 0) rc = ids_get(store, store->txn, hash, ret, error);
    if (rc == 0) rc = log_get(store, store->txn, ret->seq, &entry, error);
    return rc < 0 ? rc : is_named(reel->stored, &entry, source, id, error);
}

/* ---- What is to be published ----------------------------------------------------------------- */

void pending_finish(struct pending *pending) {
    for (size_t i = 0; i < pending->count; i++) {
        text_finish(&pending->list[i].bytes);
        text_finish(&pending->list[i].subject);
    }
    free(pending->list);
    *pending = (struct pending){0};
}

/* The subject of an event that no command made. */
static void write_subject(struct text *ret, struct reel_str type) {
    text_append_lit(ret, SUBJECT_ROOT ".event.");
    subject_append_part(ret, type);
}

static int put_out(struct reel *reel, const struct arrival *arrival,
                   const struct ids_request *request, uint64_t seq, struct reel_error *error) {
    struct pending *pending = reel->pending;
    INVARIANT(arrival->nats_subject.data || arrival->decoded);
    struct outgoing *list = realloc(pending->list, (pending->count + 1) * sizeof *list);
    if (!list) return fail_memory(error);
    pending->list = list;
    struct outgoing *outgoing = &list[pending->count++];
    *outgoing = (struct outgoing){.dry_run_seq = seq};
    memcpy(outgoing->id_hash, arrival->id_hash, sizeof outgoing->id_hash);
    outgoing->has_body = request->has_body;
    memcpy(outgoing->body_hash, request->body_hash, sizeof outgoing->body_hash);
    text_append_str(&outgoing->bytes, arrival->bytes);
    if (arrival->nats_subject.data)
        text_append_str(&outgoing->subject, arrival->nats_subject);
    else
        write_subject(&outgoing->subject, arrival->decoded->event.type);
    return outgoing->bytes.failed || outgoing->subject.failed ? fail_memory(error) : 0;
}

int append_submitted(struct reel *reel, const struct arrival *arrival,
                     const struct ids_request *request, struct appended *ret,
                     struct reel_error *error) {
    int rc = dispatcher_append(&reel->dispatcher, arrival, ret, error);
    if (rc < 0) return rc;
    struct ids_known known = {ret->seq, ret->outcome, *request};
    rc = ids_put(&reel->dispatcher.store, arrival->id_hash, &known, error);
    return rc == 0 && reel->pending ? put_out(reel, arrival, request, ret->seq, error) : rc;
}

bool append_is_other_body(const struct ids_request *known, const uint8_t body_hash[16]) {
    return known->has_body && memcmp(known->body_hash, body_hash, sizeof known->body_hash) != 0;
}

void append_refuse_key(struct reel_command_result *answer) {
    reel_command_result_finish(answer);
    *answer = (struct reel_command_result){
        .refusal = REEL_KEY_REUSED,
        .problem = "idempotency-key-reused",
        .detail = "this idempotency key came before, with another body",
    };
}
