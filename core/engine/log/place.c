/* place.c: a log that may be replaced (place.h). */
#include "engine/log/place.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "engine/log/pacer.h"

#include <errno.h>
#include <stdlib.h>

int log_place_init(struct log_place *place) {
    *place = (struct log_place){.pacer = malloc(sizeof *place->pacer)};
    if (!place->pacer) return -ENOMEM;
    pacer_init(place->pacer);
    pthread_mutex_init(&place->lock, NULL);
    return 0;
}

void log_place_finish(struct log_place *place) {
    if (!place->pacer) return;
    log_close(place->log);
    place->log = NULL;
    pthread_mutex_destroy(&place->lock);
    pacer_finish(place->pacer);
    free(place->pacer);
    place->pacer = NULL;
}

void log_pace(struct pacer *pacer, size_t bytes) {
    if (pacer) pacer_wait(pacer, bytes, NULL);
}

struct log_pin *log_place_pin(struct log_place *place) {
    HOLD_LOCK(&place->lock);
    return log_pin(place->log);
}

struct log_pin *log_place_pin_kept(struct log_place *place, struct log_mark *ret_kept) {
    HOLD_LOCK(&place->lock);
    *ret_kept = log_kept(place->log);
    return log_pin(place->log);
}

void log_place_measure(struct log_place *place, struct log_metrics *ret) {
    HOLD_LOCK(&place->lock);
    log_measure(place->log, ret);
}

struct log *log_place_swap(struct log_place *place, struct log *log) {
    HOLD_LOCK(&place->lock);
    struct log *before = place->log;
    INVARIANT(before != log); /* it is closed by the caller */
    place->log = log;
    return before;
}
