/* fake_host.h: a host for a sink, without a daemon: a real Reel in memory behind the host table,
 * whose views can be made to refuse, to run out of time and to show made-up records.
 */
#ifndef TESTS_UNIT_FAKE_STAGE_H
#define TESTS_UNIT_FAKE_STAGE_H

#include "unit.h"

#include "json/parser.h"

#include <reel/sink_host.h>

#include <pthread.h>
#include <stdatomic.h>

struct fake_setting {
    const char *name, *value;
};

struct fake_host {
    struct reel_sink_host host; /* first: what the sink is given */
    struct reel_sink_calls calls;
    struct reel *reel;
    struct json_parser *parser;
    struct fake_setting settings[8]; /* until one without a name */

    atomic_bool refuse_views;
    atomic_uint views;         /* how many were opened */
    atomic_uint rows_per_view; /* a walk runs out of time after so many; 0: never */

    const struct reel_changed_row *changed; /* what reel_view_changed gives, by seq */
    size_t changed_count;
    uint64_t first_deletion; /* instead of the Reel's; 0: that */
    bool has_collection;     /* one, `cells`, … */
    atomic_bool unserved;    /* … which is not caught up */

    atomic_uint warnings;
    pthread_mutex_t lock;
    pthread_cond_t quit_called;
    bool quit;
    int quit_code;
    struct reel_error quit_text;
};

/* cmocka fixture: `*state` is a fake host, its Reel empty. */
int fake_stage_begin(void **state);
int fake_stage_end(void **state);

/* Appends an event of this type and CloudEvents subject, which is its seq. */
void fake_apply(struct fake_host *fake, const char *type);

/* Waits until the sink has called reel_quit, with this code and a line with `part` in it. */
void assert_quit(struct fake_host *fake, int code, const char *part);

#endif
