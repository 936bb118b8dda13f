/* reload_support.h: a daemon whose plugins are exchanged while it runs. Its plugin directory has
 * tally.so, which is one of several builds (plugins/tally.c), and healthy.so, which stays the same;
 * both fold the events of crash_support.h. */
#ifndef TESTS_RELOAD_SUPPORT_H
#define TESTS_RELOAD_SUPPORT_H

#include "crash_support.h"

#define TALLY(build) build_path("tests/integration/plugins/tally_" build ".so")

struct reloaded {
    struct site site;
    struct client *admin;
    const char *directory, *plugins;
    uint64_t posted;
};

/* As an operator does it with cp: over the file that is there. */
static inline void install(const struct reloaded *reloaded, const char *from, const char *name) {
    copy_over(from, path_in(reloaded->plugins, name));
}

static inline void connect_all(struct reloaded *reloaded, struct daemon daemon) {
    reloaded->site = site_of(daemon);
    reloaded->admin = client_opened(&daemon, ADMIN_TOKEN);
}

static inline void start_again(struct reloaded *reloaded) {
    connect_all(reloaded, daemon_started(reloaded->directory, "--plugin-dir", reloaded->plugins,
                                         "--log-level", "info", NULL));
}

/* With this build of the plugin. */
static inline struct reloaded reloaded_opened(const char *tally) {
    struct reloaded reloaded = {.directory = scratch_directory(), .plugins = scratch_directory()};
    install(&reloaded, tally, "tally.so");
    install(&reloaded, HEALTHY_SO, "healthy.so");
    start_again(&reloaded);
    return reloaded;
}

static inline void hang_up(struct reloaded *reloaded) {
    client_close(reloaded->admin);
    site_hang_up(&reloaded->site);
}

static inline void reloaded_closed(struct reloaded *reloaded) {
    hang_up(reloaded);
    daemon_end(&reloaded->site.daemon);
}

static inline void post_some(struct reloaded *reloaded, size_t count) {
    for (size_t i = 0; i < count; i++) post_harmless(reloaded->site.writer, reloaded->posted++);
}

static inline void by_request(const struct reloaded *reloaded) {
    struct reply reply = asked(reloaded->admin, "POST", "/v1/plugins/reload", NULL, NULL, 202);
    assert_string_equal(reply_header(&reply, "Location"), "/v1/plugins");
    json_t *answer = json_taken(reply);
    assert_string_equal(text_of(answer, "requested"), "reload");
    json_decref(answer);
}

/* Another worker than this one answers. */
static inline void wait_for_other_worker(const struct reloaded *reloaded, pid_t before) {
    const struct daemon *daemon = &reloaded->site.daemon;
    for (uint64_t began = now_ms(); !has_other_worker(daemon->pid, before); usleep(2000))
        if (now_ms() - began > 60000)
            support_failed(__FILE__, __LINE__, "the worker stays: %s", daemon_log(daemon));
    wait_until_answered(reloaded->site.reader, "/v1/tallies", 200);
}

static inline uint64_t generation_of(const struct reloaded *reloaded, const char *collection) {
    json_t *standing = standing_of(reloaded->site.reader, collection);
    uint64_t generation = number_of(standing, "generation");
    json_decref(standing);
    return generation;
}

/* All events are folded by this build, in the source and in what derives from it. */
static inline void assert_tallied(const struct reloaded *reloaded, uint64_t events, uint64_t step) {
    assert_counted(reloaded->site.reader, "healthy", events);
    assert_counted(reloaded->site.reader, "tallies", events * step);
    json_t *sum = json_got(reloaded->site.reader, "/v1/tally_sums/all");
    assert_int_equal(number_of(sum, "sum"), events * step);
    json_decref(sum);
}

/* `reeld verify` folds the log of a closed store with the plugins that it was folded with. */
static inline void assert_folded_so(const struct reloaded *reloaded) {
    char plugins[2048];
    snprintf(plugins, sizeof plugins, "--plugin-dir '%s'", reloaded->plugins);
    assert_verified_with(reloaded->directory, plugins);
}

#endif
