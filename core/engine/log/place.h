/* place.h: a log that may be replaced.
 *
 * The current log, for threads other than the writer. The writer may replace the log. Pins of the
 * old log stay valid.
 */
#ifndef REEL_ENGINE_LOG_PLACE_H
#define REEL_ENGINE_LOG_PLACE_H

#include "engine/log/log.h"

#include <pthread.h>

struct log_place {
    pthread_mutex_t lock;
    struct log *log;
    struct pacer *pacer; /* for all that is written in the background, whichever log there is */
};
int log_place_init(struct log_place *place);    /* -ENOMEM; log_place_finish does nothing then */
void log_place_finish(struct log_place *place); /* closes the log */
struct log_pin *log_place_pin(struct log_place *place);
struct log_pin *log_place_pin_kept(struct log_place *place, struct log_mark *ret_kept);
void log_place_measure(struct log_place *place, struct log_metrics *ret);

/* Returns the old log, which the caller must close. */
struct log *log_place_swap(struct log_place *place, struct log *log);

/* Waits until so many bytes may be written in the background. NULL: at once. Any thread. */
void log_pace(struct pacer *pacer, size_t bytes);

#endif
