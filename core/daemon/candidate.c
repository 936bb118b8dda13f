/* candidate.c: see candidate.h. */
#include "daemon/candidate.h"

#include "base/kept.h"
#include "daemon/known.h"
#include "daemon/opening.h"
#include "daemon/worker.h"

#include <errno.h>
#include <string.h>

int candidate_add_argument(struct candidate *candidate, char *text) {
    if (candidate->argc == CANDIDATE_ARGUMENTS_MAX + 1) return -E2BIG;
    candidate->argv[candidate->argc++] = text;
    return 0;
}

int candidate_add_plugin(struct candidate *candidate, const char *path, int fd) {
    if (candidate->plugin_count == PLUGINS_MAX) return -E2BIG;
    candidate->plugins[candidate->plugin_count].path = path;
    candidate->plugins[candidate->plugin_count++].fd = fd;
    return 0;
}

/* ---- What a worker would have from its supervisor -------------------------------------------- */

static int find(void *context, const char *name) {
    struct candidate *candidate = context;
    if (strcmp(name, KEPT_CONFIG) == 0) {
        int config = candidate->config;
        candidate->config = -1;
        return config;
    }
    for (size_t i = 0; i < candidate->plugin_count; i++) {
        char own[KEPT_NAME_MAX];
        if (candidate->plugins[i].is_taken || !known_name(candidate->plugins[i].path, own) ||
            strcmp(own, name) != 0)
            continue;
        candidate->plugins[i].is_taken = true;
        return candidate->plugins[i].fd;
    }
    return -1;
}

static const char *first(void *context, const char *beginning) {
    static char name[KEPT_NAME_MAX];
    struct candidate *candidate = context;
    if (strcmp(beginning, KEPT_CHOSEN) == 0) return KEPT_CHOSEN;
    if (strcmp(beginning, KEPT_PLUGIN) != 0) return NULL;
    for (size_t i = 0; i < candidate->plugin_count; i++)
        if (!candidate->plugins[i].is_taken && known_name(candidate->plugins[i].path, name))
            return name;
    return NULL;
}

static void keep(void *context, const char *name, int fd) {
    (void)context, (void)name, (void)fd; /* there is no next one */
}

int candidate_read(struct candidate *candidate, struct reel_error *error) {
    static struct keeper keeper = {.find = find, .first = first, .keep = keep};
    struct daemon *daemon = &candidate->daemon;
    keeper.context = candidate;
    kept_use(&keeper);
    log_begin(REEL_LEVEL_WARNING, false);
    int rc = known_open_config(daemon, candidate->argc, candidate->argv, error);
    return rc == 0 ? known_read(daemon, candidate->argc, candidate->argv, error) : rc;
}

int candidate_load(struct candidate *candidate, struct reel *reel, struct reel_error *error) {
    candidate->daemon.reel = reel;
    return opening_fill(&candidate->daemon, error);
}

void candidate_finish(struct candidate *candidate) {
    config_destroy(candidate->daemon.config);
    known_forget(&candidate->daemon);
}
