/* reel/setting.h: settings of projectors and sinks, which the operator gives as flags, in the
 * environment, or in the daemon's file.
 *
 * Settings of a sink are read with sink_host.h. Settings of a projector are read in `evolve`
 * (record.h) and in `decide` (decision.h), and are a part of the fold: see projector.h.
 */
#ifndef REEL_SETTING_H
#define REEL_SETTING_H

#include <reel/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t reel_setting_kind;
enum {
    REEL_SETTING_TEXT = 1,
    REEL_SETTING_NUMBER = 2, /* a decimal integer from `min` to `max` */
    REEL_SETTING_SWITCH = 3, /* off by default; `true` or `false` in environment and file */
    REEL_SETTING_ONE_OF = 4, /* one of `values` */
};
enum {
    REEL_SETTING_LIST = 1 << 0, /* REEL_SETTING_TEXT only: may be given several times. Separated by
                                   commas in the environment and in `default_value`; an array of
                                   strings in the file */
};

/* One setting. The setting `view_ms_max` has this name in the configuration file, REEL_VIEW_MS_MAX
 * in the environment, and --view-ms-max as a flag. If the value has a unit, the name ends with
 * it. */
struct reel_setting {
    uint32_t struct_size;
    uint32_t flags;   /* REEL_SETTING_LIST, or 0 */
    const char *name; /* [a-z][a-z0-9_]{0,62}, unique among the settings of all projectors and sinks
                         and of the daemon: begin it with the name of the collection or sink */
    reel_setting_kind kind;
    uint32_t reserved;
    uint64_t min, max;         /* REEL_SETTING_NUMBER */
    const char *default_value; /* as an operator would write it, and allowed. NULL: no default, or
                                  off. A number and a REEL_SETTING_ONE_OF must have one, a switch
                                  must not */
    const char *unit; /* "ms", "bytes", "DIR", …: /v1/plugins shows it, and --help in place
                         of a value (of sinks that the daemon has itself) */
    const char *help; /* one line */
    const char *const *values; /* REEL_SETTING_ONE_OF: the allowed values, NULL-terminated */
    const char *aliases;       /* further names in the environment, separated by spaces, or NULL. If
                                  several are set, the first one is used */

    /* For REEL_SETTING_TEXT: says whether `value` is allowed, as the setting or as one item of a
     * list. If not, returns false, and writes to `error`, which is never NULL, what is wrong,
     * without repeating the value. Must be pure. Called before anything is opened, also for a sink
     * that will not run. NULL: every text is allowed. [load, main] */
    bool (*check)(const char *value, struct reel_error *error);
};

/* For C; see REEL_FIELD in projector.h. */
#ifndef __cplusplus
#define REEL_SETTING(...)                                                                          \
    &(const struct reel_setting) {                                                                 \
        .struct_size = sizeof(struct reel_setting), __VA_ARGS__                                    \
    }
#endif

#ifdef __cplusplus
}
#endif
#endif
