/* reel.c: implements the embedding API (reel.h). Most functions only call others. The functions of
 * views are in view/. */
#include "engine/transaction.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/descriptors.h"
#include "base/invariant.h"
#include "base/text.h"
#include "engine/command.h"
#include "engine/engine.h"
#include "engine/fold/host.h"
#include "engine/report.h"
#include "engine/work.h"
#include "event/formats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVENT_BYTES_LIMIT     ((uint32_t)16 << 20)
#define BATCH_EVENTS_LIMIT    ((uint32_t)1 << 20)
#define VIEWS_LIMIT           4096
#define SEGMENT_BYTES_DEFAULT ((uint64_t)64 << 20)
#define SEGMENT_BYTES_MIN     ((uint64_t)64 << 10)
#define SEGMENT_BYTES_MAX     ((uint64_t)1 << 30)
#define KNOWN_FLAGS           ((uint32_t)(REEL_NEW_EPOCH | REEL_START_BEHIND | REEL_TAKE_ARCHIVE))
/* What a transaction of events may add up to, with all that it writes besides. */
#define MAP_BYTES_MIN ((uint64_t)1 << 20)

const char *reel_version(void) {
    return REEL_VERSION;
}

const char *reel_plugin_directory(void) {
    return REEL_PLUGIN_DIRECTORY;
}

/* ---- Options --------------------------------------------------------------------------------- */

/* Copies the caller's options into a struct of this version, and replaces 0 by defaults. */
static int take_options(const struct reel_options *given, struct reel_options *ret,
                        struct reel_error *error) {
    struct reel_options options = {0};
    if (given->struct_size < offsetof(struct reel_options, directory))
        return fail(error, -EINVAL, "options.struct_size is %u, wanted sizeof(struct reel_options)",
                    given->struct_size);
    memcpy(&options, given,
           given->struct_size < sizeof options ? given->struct_size : sizeof options);
    if (!options.event_bytes_max) options.event_bytes_max = (uint32_t)1 << 20;
    if (!options.views_max) options.views_max = 256;
    if (!options.view_ms_max) options.view_ms_max = 10000;
    if (!options.batch_events_max) options.batch_events_max = 4096;
    if (!options.batch_bytes_max) options.batch_bytes_max = (uint64_t)64 << 20;
    if (!options.map_bytes) options.map_bytes = (uint64_t)1 << 40;
    if (!options.segment_bytes) options.segment_bytes = SEGMENT_BYTES_DEFAULT;
    if (!options.warnings_max) options.warnings_max = WARNINGS_DEFAULT;
    if (!options.source) options.source = "/reel";
    *ret = options;
    return 0;
}

static int check_options(const struct reel_options *options, struct reel_error *error) {
    if (options->flags & ~KNOWN_FLAGS)
        return fail(error, -EINVAL, "options.flags has unknown bits 0x%x",
                    options->flags & ~KNOWN_FLAGS);
    if (options->event_bytes_max > EVENT_BYTES_LIMIT)
        return fail(error, -EINVAL, "options.event_bytes_max is %u, at most %u is allowed",
                    options->event_bytes_max, EVENT_BYTES_LIMIT);
    if (options->views_max > VIEWS_LIMIT)
        return fail(error, -EINVAL, "options.views_max is %u, at most %d is allowed",
                    options->views_max, VIEWS_LIMIT);
    if (options->batch_events_max > BATCH_EVENTS_LIMIT)
        return fail(error, -EINVAL, "options.batch_events_max is %u, at most %u is allowed",
                    options->batch_events_max, BATCH_EVENTS_LIMIT);
    if (options->batch_bytes_max < options->event_bytes_max)
        return fail(error, -EINVAL,
                    "options.batch_bytes_max is %llu, less than event_bytes_max, %u",
                    (unsigned long long)options->batch_bytes_max, options->event_bytes_max);
    if (options->map_bytes < MAP_BYTES_MIN)
        return fail(error, -EINVAL, "options.map_bytes is %llu, at least %llu is wanted",
                    (unsigned long long)options->map_bytes, (unsigned long long)MAP_BYTES_MIN);
    if (options->segment_bytes < SEGMENT_BYTES_MIN || options->segment_bytes > SEGMENT_BYTES_MAX)
        return fail(error, -EINVAL, "options.segment_bytes is %llu, from %llu to %llu is allowed",
                    (unsigned long long)options->segment_bytes,
                    (unsigned long long)SEGMENT_BYTES_MIN, (unsigned long long)SEGMENT_BYTES_MAX);
    if (options->directory && !options->directory[0])
        return fail(error, -EINVAL, "options.directory is empty");
    if (!format_is_uri_reference(reel_text(options->source)))
        return fail(error, -EINVAL,
                    "options.source is not a URI-reference (RFC 3986) that is not empty");
    return 0;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

static void tell_background(void *context, const char *sentence) {
    const struct reel *reel = context;
    report_background(&reel->reporter, sentence);
}

static int engine_open(struct reel *reel, const struct reel_options *options, const char *scratch,
                       struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    struct home_options home_options = {
        .directory = options->directory,
        .scratch = scratch,
        .map_bytes = options->map_bytes,
        .readers_max = options->views_max + 6, /* the writer and a backup read, too */
        .new_epoch = options->flags & REEL_NEW_EPOCH,
        .take_archive = options->flags & REEL_TAKE_ARCHIVE,
        .segment_bytes = options->segment_bytes,
        .tell_broken = options->broken,
        .context = options->context,
        .tell = tell_background,
        .tell_context = reel,
    };
    reel->reporter.report = options->report;
    reel->reporter.context = options->context;
    reel->views.count_max = options->views_max;
    reel->views.ms_max = options->view_ms_max;
    reel->start_behind = options->flags & REEL_START_BEHIND;
    dispatcher->event_bytes_max = options->event_bytes_max;
    dispatcher->batch_events_max = options->batch_events_max;
    dispatcher->batch_bytes_max = options->batch_bytes_max;
    dispatcher->fold.key_bytes_max = EVENT_BYTES_LIMIT; /* no option: records depend on it */
    dispatcher->fold.warnings.warn = options->warn;
    dispatcher->fold.warnings.context = options->context;
    dispatcher->fold.warnings.max = options->warnings_max;
    dispatcher->rejected = options->rejected;
    dispatcher->fold.host = &host_table;
    dispatcher->fold.is_eager = callbacks_are_eager();
    dispatcher->decoder = decoder_create(&host_table);
    reel->bodies = json_parser_create(&host_table);
    reel->stored = json_parser_create(&host_table);
    reel->source = strdup(options->source);
    reel->now = options->now;
    reel->now_context = options->context;
    if (!dispatcher->decoder || !reel->bodies || !reel->stored || !reel->source)
        return fail_memory(error);
    int rc = home_open(&dispatcher->home, &home_options, error);
    if (rc < 0) return rc;
    if (options->directory) rc = set_aside_read(options->directory, &dispatcher->fold.aside, error);
    if (rc < 0) return rc;
    rc = store_read_state(&dispatcher->store, &dispatcher->state, error);
    dispatcher->committed = dispatcher->state;
    reel->cursor = dispatcher->state.cursor;
    return rc;
}

/* Opens /dev/null for standard descriptors that are closed. The program may not know that they are
 * closed. */
static int reserve_descriptors(struct reel_error *error) {
    int rc = descriptors_reserve_standard();
    if (rc == 0) return 0;
    return fail(error, rc, "a standard descriptor is closed, and /dev/null cannot be opened: %s",
                strerror(-rc));
}

static int open_reel(const struct reel_options *given, const char *scratch, struct reel **ret,
                     struct reel_error *error) {
    struct reel_options options;
    int rc = take_options(given, &options, error);
    if (rc == 0) rc = reserve_descriptors(error);
    if (rc == 0) rc = check_options(&options, error);
    if (rc < 0) return rc;
    struct reel *reel = calloc(1, sizeof *reel);
    if (!reel) return fail_memory(error);
    clock_condition(&reel->moved);
    pthread_mutex_init(&reel->writer, NULL);
    home_init(&reel->dispatcher.home, &reel->dispatcher.store);
    views_init(&reel->views, &reel->dispatcher.store, &reel->dispatcher.home.place,
               &reel->dispatcher.registry, &host_table);
    pthread_mutex_init(&reel->moved_lock, NULL);
    rc = engine_open(reel, &options, scratch, error);
    if (rc < 0) {
        reel_close(reel);
        return rc;
    }
    *ret = reel;
    return 0;
}

int reel_open(const struct reel_options *options, struct reel **ret, struct reel_error *error) {
    return open_reel(options, NULL, ret, error);
}

int engine_open_scratch(const struct reel_options *options, const char *directory,
                        struct reel **ret, struct reel_error *error) {
    INVARIANT(!options->directory);
    return open_reel(options, directory, ret, error);
}

/* The plugins are the other's: it has their collections, and not them. */
int engine_open_built(struct reel *of, const struct reel_options *options, const char *directory,
                      struct reel **ret, struct reel_error *error) {
    struct reel *reel;
    int rc = engine_open_scratch(options, directory, &reel, error);
    if (rc < 0) return rc;
    struct dispatcher *dispatcher = &reel->dispatcher;
    for (const struct plugin *plugin = of->plugins; rc == 0 && plugin; plugin = plugin->next)
        rc = registry_add(&dispatcher->registry, plugin, &dispatcher->store, &dispatcher->fold,
                          error);
    if (rc == 0) rc = registry_open(&dispatcher->registry, error);
    if (rc < 0) {
        reel_close(reel);
        return rc;
    }
    reel->views.scans = of->views.scans;
    reel->started = reel->ready = true;
    *ret = reel;
    return 0;
}

uint64_t engine_store_bytes(struct reel *reel) {
    return store_file_bytes(&reel->dispatcher.store);
}

bool engine_has_views(struct reel *reel) {
    HOLD_LOCK(&reel->views.lock);
    return reel->views.first;
}

void reel_close(struct reel *reel) {
    if (!reel) return;
    warnings_finish(&reel->dispatcher.fold.warnings);
    decision_finish(&reel->decision);
    views_finish(&reel->views);
    dispatcher_finish(&reel->dispatcher);
    json_parser_destroy(reel->bodies);
    json_parser_destroy(reel->stored);
    while (reel->plugins) {
        struct plugin *plugin = reel->plugins;
        reel->plugins = plugin->next;
        plugin_unload(plugin);
    }
    free(reel->source);
    pthread_cond_destroy(&reel->moved);
    pthread_mutex_destroy(&reel->writer);
    pthread_mutex_destroy(&reel->moved_lock);
    free(reel);
}

/* ---- Plugins --------------------------------------------------------------------------------- */

static int check_setup(struct reel *reel, struct reel_error *error) {
    return reel->started ? fail(error, -EBUSY, "plugins can be added only before reel_start") : 0;
}

static int check_not_loaded(struct reel *reel, const struct plugin *plugin,
                            struct reel_error *error) {
    for (const struct plugin *other = reel->plugins; other; other = other->next)
        if (plugin->file && other->file && other->file->device == plugin->file->device &&
            other->file->inode == plugin->file->inode)
            return fail(error, -EEXIST, "it is loaded already");
    return 0;
}

static int route_collections(struct reel *reel, size_t from, struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    for (size_t i = from; i < dispatcher->registry.count; i++) {
        const struct projector *projector = dispatcher->registry.collections[i]->projector;
        if (router_add(&dispatcher->router, projector->declared.type_prefixes) < 0)
            return fail_memory(error);
    }
    return 0;
}

/* Registers the plugin, or unloads it. */
static int add_plugin_take(struct reel *reel, struct plugin *plugin, struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    size_t before = dispatcher->registry.count;
    int rc = check_not_loaded(reel, plugin, error);
    if (rc == 0)
        rc = registry_add(&dispatcher->registry, plugin, &dispatcher->store, &dispatcher->fold,
                          error);
    if (rc == 0) rc = route_collections(reel, before, error);
    if (rc < 0) {
        router_truncate(&dispatcher->router, before);
        registry_truncate(&dispatcher->registry, before);
        error_prefix(error, "cannot load %s",
                     plugin->file ? plugin->file->path : "a linked plugin");
        plugin_unload(plugin);
        return rc;
    }
    INVARIANT(dispatcher->router.count == dispatcher->registry.count); /* by the same numbers */
    struct plugin **last = &reel->plugins;
    while (*last) last = &(*last)->next;
    *last = plugin;
    return 0;
}

int reel_load_plugin(struct reel *reel, const char *path, struct reel_error *error) {
    struct plugin *plugin;
    int rc = check_setup(reel, error);
    if (rc == 0) rc = plugin_load(path, &plugin, error);
    return rc < 0 ? rc : add_plugin_take(reel, plugin, error);
}

int engine_load_file(struct reel *reel, struct plugin_file *file, struct reel_error *error) {
    struct plugin *plugin;
    int rc = check_setup(reel, error);
    if (rc == 0) rc = plugin_load_file(file, &plugin, error);
    return rc < 0 ? rc : add_plugin_take(reel, plugin, error);
}

int reel_add_plugin(struct reel *reel, const struct reel_plugin *declared,
                    struct reel_error *error) {
    struct plugin *plugin;
    int rc = check_setup(reel, error);
    if (rc == 0) rc = plugin_adopt(declared, &plugin, error);
    return rc < 0 ? rc : add_plugin_take(reel, plugin, error);
}

static int load_one(void *context, const char *path, struct reel_error *error) {
    return reel_load_plugin(context, path, error);
}

int reel_load_directory(struct reel *reel, const char *path, struct reel_error *error) {
    return plugin_each_in(path, load_one, reel, error);
}

int engine_change_setting(struct reel *reel, const char *collection, const char *name,
                          const char *const *values, struct reel_error *error) {
    struct collection *found = registry_find(&reel->dispatcher.registry, reel_text(collection));
    if (!found) return fail(error, -ESRCH, "no collection `%s` is loaded", collection);
    int rc = settings_set(&found->settings, name, values, error);
    return rc < 0 ? fail_in(error, rc, "collection `%s`", collection) : 0;
}

int reel_set_setting(struct reel *reel, const char *collection, const char *name,
                     const char *const *values, struct reel_error *error) {
    if (reel->started) return fail(error, -EBUSY, "settings can be given only before reel_start");
    return engine_change_setting(reel, collection, name, values, error);
}

static struct collection *collection_with(struct reel *reel, const char *setting) {
    const struct registry *registry = &reel->dispatcher.registry;
    for (size_t i = 0; i < registry->count; i++)
        if (settings_find(&registry->collections[i]->settings, setting))
            return registry->collections[i];
    return NULL;
}

/* Cuts the text at its commas. An empty text is an empty list. */
static int cut_items(char *text, const char **ret, size_t max, struct reel_error *error) {
    for (size_t count = 0; text && (count > 0 || text[0]); count++) {
        if (count == max) return fail(error, -EINVAL, "a list has at most %zu items", max);
        ret[count] = strsep(&text, ",");
    }
    return 0;
}

int engine_give_setting(struct reel *reel, const char *text, struct reel_error *error) {
    enum { ITEMS_MAX = 256 };
    const char *values[ITEMS_MAX + 1] = {NULL};
    AUTO_FREE char *name = strdup(text);
    if (!name) return fail_memory(error);
    char *value = strchr(name, '=');
    if (!value) return fail(error, -EINVAL, "`%s` is not NAME=VALUE", text);
    *value++ = '\0';
    const struct collection *collection = collection_with(reel, name);
    if (!collection) return fail(error, -ENOENT, "no loaded projector has a setting `%s`", name);
    int rc = 0;
    if (settings_find(&collection->settings, name)->setting->flags & REEL_SETTING_LIST)
        rc = cut_items(value, values, ITEMS_MAX, error);
    else
        values[0] = value;
    return rc < 0 ? rc : reel_set_setting(reel, collection->name, name, values, error);
}

/* What was visible before a crash is visible from the beginning: the events that the log has and
 * the checkpoint has not. */
static int fold_tail(struct reel *reel, struct reel_error *error) {
    const struct store_state *state = &reel->dispatcher.state;
    int rc = 1;
    while (rc > 0 && state->cursor < state->head) rc = transaction_catch_up_some(reel, error);
    return rc < 0 ? rc : 0;
}

/* Nobody is served yet. */
static int build_at_start(struct reel *reel, struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    int rc = 1;
    while (rc > 0 && (!reel->start_behind || registry_finishes_first(&dispatcher->registry)))
        rc = dispatcher_build_some(dispatcher, UINT64_MAX, error);
    report_progress(&reel->reporter, dispatcher);
    return rc < 0 ? rc : 0;
}

/* What was served before is kept as long as it differs from what is served. */
static int start_dispatcher(struct reel *reel, struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    int rc = dispatcher_open_collections(dispatcher, error);
    if (rc < 0) return rc;
    views_open_before(&reel->views);
    rc = dispatcher_start(dispatcher, error);
    if (rc < 0 || !registry_replaces(&dispatcher->registry)) views_close_before(&reel->views);
    if (rc == 0) report_started(&reel->reporter, dispatcher);
    reel->started = rc == 0;
    return rc;
}

int reel_start(struct reel *reel, struct reel_error *error) {
    HOLD_LOCK(&reel->writer);
    if (reel->ready) return fail(error, -EBUSY, "it was started already");
    int rc = reel->started ? 0 : start_dispatcher(reel, error);
    if (rc < 0) return rc;
    rc = reel->start_behind ? fold_tail(reel, error) : transaction_catch_up(reel, error);
    if (rc == 0) rc = build_at_start(reel, error);
    if (rc == 0) views_renew_before(&reel->views);
    reel->ready = rc == 0; /* after a failure, such as a full disk, it can be tried again */
    return rc;
}

/* ---- What is loaded -------------------------------------------------------------------------- */

/* The n-th collection in the order of names. */
static const struct collection *nth_collection(struct reel *reel, size_t n) {
    const struct registry *registry = &reel->dispatcher.registry;
    const struct collection *last = NULL; /* there are few, so n selections are fast enough */
    for (size_t i = 0; i <= n; i++) {
        const struct collection *next = NULL;
        for (size_t at = 0; at < registry->count; at++) {
            const struct collection *other = registry->collections[at];
            if (last && strcmp(other->name, last->name) <= 0) continue;
            if (!next || strcmp(other->name, next->name) < 0) next = other;
        }
        if (!next) return NULL;
        last = next;
    }
    return last;
}

const char *reel_collection_name(struct reel *reel, size_t n) {
    const struct collection *collection = nth_collection(reel, n);
    return collection ? collection->name : NULL;
}

const struct reel_projector *reel_projector(struct reel *reel, size_t n) {
    const struct collection *collection = nth_collection(reel, n);
    return collection ? &collection->projector->declared : NULL;
}

bool reel_plugin_info(struct reel *reel, size_t n, struct reel_plugin_info *ret) {
    const struct plugin *plugin = reel->plugins;
    while (plugin && n-- > 0) plugin = plugin->next;
    if (!plugin) return false;
    *ret = (struct reel_plugin_info){
        .name = plugin->declared->name,
        .version = plugin->declared->version,
        .path = plugin->file ? plugin->file->path : NULL,
        .abi_major = plugin->declared->header.abi_major,
        .abi_minor = plugin->declared->header.abi_minor,
    };
    return true;
}

const struct reel_sink *reel_sink(struct reel *reel, size_t n) {
    for (const struct plugin *plugin = reel->plugins; plugin; plugin = plugin->next) {
        if (n < plugin->sink_count) return &plugin->sinks[n].declared;
        n -= plugin->sink_count;
    }
    return NULL;
}

int engine_canonical_key(struct reel *reel, const char *collection, struct reel_str given,
                         struct reel_str caller, struct reel_key *ret) {
    const struct collection *found =
        registry_find(&reel->dispatcher.registry, reel_text(collection));
    struct callback_slot unwatched;
    if (!found) return -ESRCH;
    callback_set_caller(callback_slot_here(&unwatched), caller);
    return collection_canonical_key(found, given, ret);
}

int reel_canonical_key(struct reel *reel, const char *collection, struct reel_str given,
                       struct reel_key *ret) {
    const struct reel_str unknown = {0};
    return engine_canonical_key(reel, collection, given, unknown, ret);
}

int reel_counts(struct reel *reel, const char *name, bool again, struct reel_counts *ret) {
    struct counts *counts = &reel->dispatcher.counts;
    if (name) {
        struct collection *collection = registry_find(&reel->dispatcher.registry, reel_text(name));
        if (!collection) return -ESRCH;
        counts = again ? &collection->counts_again : &collection->counts;
    }
    *ret = (struct reel_counts){
        .applied = counts_read(counts, REEL_APPLIED),
        .ignored = counts_read(counts, REEL_IGNORED),
        .rejected = counts_read(counts, REEL_REJECTED),
    };
    return 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int check_started(struct reel *reel, struct reel_error *error) {
    return reel->started ? 0 : fail(error, -EINVAL, "reel_start comes first");
}

int reel_apply_batch(struct reel *reel, const struct reel_str *payloads, size_t count,
                     struct reel_result *ret, struct reel_error *error) {
    struct work work = {.payloads = payloads, .count = count, .results = ret};
    int rc = work_run(reel, &work, error);
    work_finish(&work);
    return rc;
}

int reel_apply(struct reel *reel, struct reel_str payload, struct reel_result *ret,
               struct reel_error *error) {
    return reel_apply_batch(reel, &payload, 1, ret, error);
}

int reel_append(struct reel *reel, const struct reel_str *payloads, size_t count, uint64_t *ret_seq,
                struct reel_error *error) {
    struct reel_result *results = count ? malloc(count * sizeof *results) : NULL;
    struct work work = {
        .payloads = payloads, .count = count, .append_only = true, .results = results};
    int rc = count && !results ? fail_memory(error) : work_run(reel, &work, error);
    if (rc == 0 && ret_seq) *ret_seq = count ? results[count - 1].seq : 0;
    free(results);
    return rc;
}

int reel_command(struct reel *reel, const struct reel_command_request *request,
                 struct reel_command_result *ret, struct reel_error *error) {
    struct work work = {.kind = WORK_COMMAND, .request = request};
    int rc = work_run(reel, &work, error);
    if (rc < 0)
        work_finish(&work);
    else
        *ret = work.answer;
    return rc;
}

/* Events of a slice of a rebuild, and how long others may go first between two slices. */
#define SLICE_EVENTS  16384
#define SLICE_WAIT_MS 20

/* 2: it should go on later. */
static int build_slice(struct reel *reel, struct reel_error *error) {
    struct store *store = &reel->dispatcher.store;
    HOLD_LOCK(&reel->writer);
    int rc = transaction_catch_up(reel, error);
    if (rc < 0 || !transaction_builds(reel)) return rc;
    bool must_wait = checkpoint_last_failure(store, NULL) == 0 && checkpoint_is_busy(store);
    return must_wait ? 2 : transaction_build_some(reel, SLICE_EVENTS, error);
}

/* Others write between the slices. A lock goes to whoever takes it first, which is not who has
 * waited longest. */
static int build_all(struct reel *reel, struct reel_error *error) {
    int rc;
    while ((rc = build_slice(reel, error)) > 0) {
        uint64_t until_ms = clock_ms() + SLICE_WAIT_MS;
        while ((rc == 2 || atomic_load(&reel->waiting) > 0) && clock_left_ms(until_ms) > 0)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return rc;
}

int reel_catch_up(struct reel *reel, struct reel_error *error) {
    {
        HOLD_LOCK(&reel->writer);
        int rc = check_started(reel, error);
        if (rc == 0) rc = transaction_catch_up(reel, error);
        if (rc < 0) return rc;
    }
    return build_all(reel, error);
}

static int begin_rebuild(struct reel *reel, const char *name, struct reel_error *error) {
    HOLD_LOCK(&reel->writer);
    struct collection *collection = registry_find(&reel->dispatcher.registry, reel_text(name));
    if (!collection) return fail(error, -ESRCH, "no collection `%s` is loaded", name);
    if (!reel->started) {
        collection->rebuild_wanted = true;
        return 0;
    }
    views_expire(&reel->views);
    int rc = dispatcher_reset(&reel->dispatcher, collection, error);
    if (rc < 0) return rc;
    report_progress(&reel->reporter, &reel->dispatcher);
    rc = transaction_catch_up(reel, error);
    return rc < 0 ? rc : 1;
}

int reel_rebuild(struct reel *reel, const char *name, struct reel_error *error) {
    int rc = begin_rebuild(reel, name, error);
    return rc > 0 ? build_all(reel, error) : rc;
}

int reel_trim(struct reel *reel, uint64_t first_seq, struct reel_error *error) {
    HOLD_LOCK(&reel->writer);
    int rc = check_started(reel, error);
    if (rc == 0) rc = transaction_catch_up(reel, error);
    if (rc < 0) return rc;
    if (first_seq > reel->dispatcher.state.head + 1)
        return fail(error, -EINVAL, "cannot trim to %llu, the log ends at %llu",
                    (unsigned long long)first_seq, (unsigned long long)reel->dispatcher.state.head);
    do {
        views_expire(&reel->views);
        rc = dispatcher_trim(&reel->dispatcher, first_seq, error);
    } while (rc > 0);
    return rc;
}

/* In memory there is no checkpoint to copy. */
static int prepare_backup(struct reel *reel, struct reel_error *error) {
    struct store *store = &reel->dispatcher.store;
    if (!store->in_memory) return 0;
    HOLD_LOCK(&reel->writer);
    return checkpoint_all(store, error);
}

int reel_backup(struct reel *reel, const char *directory, struct reel_error *error) {
    int rc = prepare_backup(reel, error);
    if (rc < 0) return rc;
    return home_backup(&reel->dispatcher.home, directory, error);
}

int reel_backup_of(const char *from, const char *directory, struct reel_error *error) {
    int rc = reserve_descriptors(error);
    return rc < 0 ? rc : home_backup_of(from, directory, error);
}

uint64_t reel_cursor(struct reel *reel) {
    HOLD_LOCK(&reel->moved_lock);
    return reel->cursor;
}

uint64_t reel_newest_commit(struct reel *reel) {
    if (atomic_load(&reel->dispatcher.store.broken)) return 0;
    return atomic_load(&reel->dispatcher.store.newest_commit);
}

int reel_view_open(struct reel *reel, struct reel_view **ret, struct reel_error *error) {
    if (!reel->started) return fail(error, -EINVAL, "reel_start comes first");
    return views_open(&reel->views, ret, error);
}

int engine_view_before(struct reel *reel, struct reel_view **ret) {
    return reel->ready ? views_before(&reel->views, ret) : -ENOENT;
}

int reel_wait(struct reel *reel, uint64_t seq, uint32_t timeout_ms) {
    struct timespec until = clock_after(timeout_ms);
    HOLD_LOCK(&reel->moved_lock);
    while (reel->cursor < seq)
        if (pthread_cond_timedwait(&reel->moved, &reel->moved_lock, &until) == ETIMEDOUT)
            return reel->cursor < seq ? -ETIMEDOUT : 0;
    return 0;
}
