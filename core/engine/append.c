/* append.c: see append.h. */
#include "engine/append.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "engine/transaction.h"
#include "event/event.h"
#include "event/subject.h"
#include "json/parser.h"

#include <errno.h>
#include <stdlib.h>

/* True if the entry is the event with this source and id. Uses a parser of its own, so that the new
 * event and the body of a command remain decoded. */
static int is_same(struct json_parser *parser, const struct log_entry *entry,
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

void found_finish(struct found *found) {
    log_walk_finish(&found->walk);
    log_unpin(found->pin);
    *found = (struct found){0};
}

/* The event of that seq, if there is one: it may have come in this very transaction. */
static int get(struct log *log, uint64_t seq, struct found *found, struct log_entry *ret,
               struct reel_error *error) {
    log_walk_finish(&found->walk);
    if (log_group_get(log, seq, ret) == 0) return 0;
    return log_get(&found->walk, found->pin, seq, ret, error);
}

/* Looks at those that it may be. */
static int find_among(struct reel *reel, const uint64_t *seqs, size_t count, const uint8_t hash[16],
                      const struct reel_str name[2], struct found *found,
                      struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    for (size_t i = 0; i < count; i++) {
        struct log_entry entry;
        if (seqs[i] < dispatcher->state.first_seq) continue; /* it is no longer known */
        int rc = get(dispatcher->home.place.log, seqs[i], found, &entry, error);
        if (rc < 0 && rc != -ENOENT) return rc;
        if (rc < 0 || !entry.id_hash || memcmp(entry.id_hash, hash, 16) != 0) continue;
        rc = is_same(reel->stored, &entry, name[0], name[1], error);
        if (rc == 0) continue;
        found->seq = entry.seq;
        found->answer = entry.answer;
        return rc;
    }
    return 0;
}

int append_find(struct reel *reel, const uint8_t hash[16], struct reel_str source,
                struct reel_str id, struct found *ret, struct reel_error *error) {
    struct log *log = reel->dispatcher.home.place.log;
    const struct reel_str name[] = {source, id};
    uint64_t seqs[LOG_CANDIDATES];
    int count = log_find_id(log, hash, seqs, error);
    if (count <= 0) return count;
    struct found found = {.pin = log_pin(log)};
    int rc = find_among(reel, seqs, (size_t)count, hash, name, &found, error);
    if (rc > 0)
        *ret = found;
    else
        found_finish(&found);
    return rc;
}

/* ---- Pending events -------------------------------------------------------------------------- */

void pending_finish(struct pending *pending) {
    for (size_t i = 0; i < pending->count; i++) {
        text_finish(&pending->list[i].bytes);
        text_finish(&pending->list[i].subject);
        text_finish(&pending->list[i].key);
        text_finish(&pending->list[i].principal);
    }
    free(pending->list);
    *pending = (struct pending){0};
}

/* Writes the subject for an event that no command made. */
static void write_subject(struct text *ret, struct reel_str type) {
    text_append_lit(ret, SUBJECT_ROOT ".event.");
    subject_append_part(ret, type);
}

static int put_out(struct reel *reel, const struct arrival *arrival,
                   const struct log_answer *answer, uint64_t seq, struct reel_error *error) {
    struct pending *pending = reel->pending;
    INVARIANT(lock_is_held(&reel->writer));
    INVARIANT(arrival->nats_subject.data || arrival->decoded);
    struct outgoing *list = realloc(pending->list, (pending->count + 1) * sizeof *list);
    if (!list) return fail_memory(error);
    pending->list = list;
    struct outgoing *outgoing = &list[pending->count++];
    *outgoing = (struct outgoing){.dry_run_seq = seq, .answer = *answer};
    outgoing->answer.key = outgoing->answer.principal = (struct reel_str){0};
    memcpy(outgoing->id_hash, arrival->id_hash, sizeof outgoing->id_hash);
    text_append_str(&outgoing->key, answer->key);
    text_append_str(&outgoing->principal, answer->principal);
    text_append_str(&outgoing->bytes, arrival->bytes);
    if (arrival->nats_subject.data)
        text_append_str(&outgoing->subject, arrival->nats_subject);
    else
        write_subject(&outgoing->subject, arrival->decoded->event.type);
    bool failed = outgoing->bytes.failed || outgoing->subject.failed || outgoing->key.failed ||
                  outgoing->principal.failed;
    return failed ? fail_memory(error) : 0;
}

int append_submitted(struct reel *reel, const struct arrival *arrival,
                     const struct log_answer *answer, struct appended *ret,
                     struct reel_error *error) {
    struct arrival answered = *arrival;
    answered.flags |= LOG_ANSWERED;
    answered.answer = *answer;
    int rc = dispatcher_append(&reel->dispatcher, &answered, ret, error);
    if (rc < 0) return rc;
    INVARIANT(ret->seq == reel->dispatcher.state.head);
    return reel->pending ? put_out(reel, arrival, answer, ret->seq, error) : 0;
}

bool append_is_other_body(const struct log_answer *known, const uint8_t body_hash[16]) {
    return known->has_body && memcmp(known->body_hash, body_hash, sizeof known->body_hash) != 0;
}

void append_refuse_key(struct reel_command_result *answer) {
    reel_command_result_finish(answer);
    *answer = (struct reel_command_result){
        .refusal = REEL_KEY_REUSED,
        .problem = "idempotency-key-reused",
        .detail = "this idempotency key was used before, with another body",
    };
}
