/* append.c: see append.h. */
#include "engine/append.h"

#include "engine/transaction.h"
#include "event/subject.h"
#include "json/value.h"

#include <errno.h>
#include <stdlib.h>

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
    if (rc < 0) return rc;
    const struct reading *reading = reader_read(dispatcher->reader, &entry);
    if (reading->rc == -ENOMEM) return fail_memory(error);
    if (reading->rc < 0) return 0;
    return reel_str_eq(reading->event.id, id) && reel_str_eq(reading->event.source, source);
}

/* ---- What is to be published ----------------------------------------------------------------- */

void outbox_finish(struct outbox *outbox) {
    for (size_t i = 0; i < outbox->count; i++) {
        text_finish(&outbox->list[i].bytes);
        text_finish(&outbox->list[i].subject);
    }
    free(outbox->list);
    *outbox = (struct outbox){0};
}

/* The subject of what no command made. */
static void write_subject(struct text *ret, struct reel_str bytes, struct json_parser *parser) {
    struct json *json;
    const char *why;
    struct reel_str type = {0};
    if (json_parse(parser, bytes, 0, &json, &why) == 0)
        type = reel_member_str(json_root(json), "type");
    text_append_lit(ret, SUBJECT_ROOT ".event.");
    subject_append_part(ret, type);
}

static int put_out(struct reel *reel, const struct arrival *arrival, uint64_t seq,
                   struct reel_error *error) {
    struct outbox *outbox = reel->outbox;
    struct outgoing *list = realloc(outbox->list, (outbox->count + 1) * sizeof *list);
    if (!list) return fail_memory(error);
    outbox->list = list;
    struct outgoing *outgoing = &list[outbox->count++];
    *outgoing = (struct outgoing){.tried_seq = seq};
    memcpy(outgoing->id_hash, arrival->id_hash, sizeof outgoing->id_hash);
    text_append_str(&outgoing->bytes, arrival->bytes);
    if (arrival->nats_subject.data)
        text_append_str(&outgoing->subject, arrival->nats_subject);
    else
        write_subject(&outgoing->subject, arrival->bytes, reel->bodies);
    return outgoing->bytes.failed || outgoing->subject.failed ? fail_memory(error) : 0;
}

int append_submitted(struct reel *reel, const struct arrival *arrival, struct reel_str record,
                     struct taken *ret, struct reel_error *error) {
    int rc = dispatcher_take(&reel->dispatcher, arrival, ret, error);
    if (rc < 0) return rc;
    struct ids_known known = {ret->seq, ret->outcome, true, record};
    rc = ids_put(&reel->dispatcher.store, arrival->id_hash, &known, error);
    return rc == 0 && reel->outbox ? put_out(reel, arrival, ret->seq, error) : rc;
}
