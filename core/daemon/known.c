/* known.c: see known.h. */
#include "daemon/known.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/kept.h"
#include "daemon/config/settings.h"
#include "daemon/data.h"
#include "daemon/file.h"
#include "daemon/pins.h"
#include "daemon/trust.h"
#include "daemon/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int known_choice(const struct config *config, struct plugin_choice *ret, struct reel_error *error) {
    const char *file;
    *ret = (struct plugin_choice){.directory = config_text(config, "plugin_dir", 0)};
    for (; (file = config_text(config, "plugin", ret->count)); ret->count++) {
        if (ret->count == PLUGINS_MAX)
            return fail(error, -E2BIG, "more than %d plugins", PLUGINS_MAX);
        ret->files[ret->count] = file;
    }
    return 0;
}

/* A reload has kept it, so it is not too long. */
static int give_kept_file(struct config *config, struct reel_error *error) {
    CLEANUP(text_finish) struct text text = {0};
    AUTO_CLOSE int fd = kept_find(KEPT_CONFIG);
    struct stat about;
    if (fd < 0) return 0;
    if (fstat(fd, &about) < 0) return fail(error, -errno, "%s", strerror(errno));
    char *to = text_extend(&text, (size_t)about.st_size);
    if (!to) return fail_memory(error);
    ssize_t len = pread(fd, to, (size_t)about.st_size, 0);
    if (len != about.st_size) return fail(error, -EIO, "cannot read the text that was kept");
    return config_give_file(config, text.data, text.len, error);
}

int known_create_config(struct daemon *daemon, struct reel_error *error) {
    int rc = config_create(&daemon->config, error);
    return rc == 0 ? config_declare(daemon->config, DAEMON_OWNER, daemon_settings, error) : rc;
}

int known_open_config(struct daemon *daemon, int argc, char **argv, struct reel_error *error) {
    int rc = known_create_config(daemon, error);
    if (rc == 0) rc = give_kept_file(daemon->config, error);
    return rc == 0 ? config_peek(daemon->config, argc, argv, error) : rc;
}

const struct reel_sink *known_sink(const struct daemon *daemon, const char *name) {
    for (const struct plugin *plugin = daemon->known; plugin; plugin = plugin->next)
        for (uint32_t i = 0; i < plugin->sink_count; i++)
            if (strcmp(plugin->sinks[i].declared.name, name) == 0)
                return &plugin->sinks[i].declared;
    return NULL;
}

static int declare_of_projectors(struct daemon *daemon, const struct plugin *plugin,
                                 struct reel_error *error) {
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < plugin->projector_count; i++) {
        const struct reel_projector *projector = &plugin->projectors[i].declared;
        char owner[80];
        snprintf(owner, sizeof owner, "collection %s", projector->collection);
        rc = config_declare(daemon->config, owner, projector->settings, error);
    }
    return rc;
}

/* Takes ownership of the plugin, and declares its settings. */
static int know_plugin_take(struct daemon *daemon, struct plugin *plugin,
                            struct reel_error *error) {
    int rc = declare_of_projectors(daemon, plugin, error);
    for (uint32_t i = 0; rc == 0 && i < plugin->sink_count; i++) {
        const struct reel_sink *sink = &plugin->sinks[i].declared;
        char owner[80];
        if (known_sink(daemon, sink->name))
            rc = fail(error, -EEXIST, "two plugins have a sink `%s`", sink->name);
        if (rc < 0) break;
        snprintf(owner, sizeof owner, "sink %s", sink->name);
        rc = config_declare(daemon->config, owner, sink->settings, error);
    }
    struct plugin **last = &daemon->known;
    while (*last) last = &(*last)->next;
    *last = plugin;
    return rc;
}

/* Otherwise its settings would be declared twice. */
static int check_not_known(const struct daemon *daemon, const struct plugin_file *file,
                           struct reel_error *error) {
    for (const struct plugin *plugin = daemon->known; plugin; plugin = plugin->next)
        if (plugin->file && plugin->file->device == file->device &&
            plugin->file->inode == file->inode)
            return fail(error, -EEXIST, "it is loaded already");
    return 0;
}

/* A copy that was kept was checked when it was made. */
static int open_plugin(const struct daemon *daemon, const char *path, struct plugin_file **ret,
                       struct reel_error *error) {
    char name[KEPT_NAME_MAX];
    int fd = known_name(path, name) ? kept_find(name) : -1;
    int rc = fd < 0 ? trust_check_plugin(daemon->config, path, error) : 0;
    if (rc < 0) return rc;
    rc = plugin_file_open_copy_take(path, fd, ret, error);
    return rc < 0 ? fail_in(error, rc, "cannot load %s", path) : 0;
}

/* -EEXIST: it is known already. */
static int load_plugin(const struct daemon *daemon, const char *path, struct plugin **ret,
                       struct reel_error *error) {
    struct plugin_file *file;
    int rc = open_plugin(daemon, path, &file, error);
    if (rc < 0) return rc;
    rc = check_not_known(daemon, file, error);
    if (rc == 0) rc = pins_check(daemon->config, file, error);
    if (rc < 0)
        error_prefix(error, "cannot load %s", path);
    else
        rc = plugin_load_file(file, ret, error);
    plugin_file_unref(file);
    return rc;
}

static int know_plugin_at(void *context, const char *path, struct reel_error *error) {
    struct plugin *plugin;
    int rc = load_plugin(context, path, &plugin, error);
    return rc < 0 ? rc : know_plugin_take(context, plugin, error);
}

static int check_sinks(const struct daemon *daemon, struct reel_error *error) {
    const char *name, *other;
    for (size_t i = 0; (name = config_text(daemon->config, "sink", i)); i++) {
        if (!known_sink(daemon, name)) return fail(error, -EINVAL, "there is no sink `%s`", name);
        for (size_t n = 0; n < i && (other = config_text(daemon->config, "sink", n)); n++)
            if (strcmp(name, other) == 0)
                return fail(error, -EINVAL, "sink `%s` is given twice", name);
    }
    return 0;
}

int known_own(struct daemon *daemon, struct reel_error *error) {
    struct plugin *own;
    int rc = plugin_adopt(daemon->own, &own, error);
    return rc == 0 ? know_plugin_take(daemon, own, error) : rc;
}

static int choose(const struct config *config, struct plugin_choice *ret,
                  struct reel_error *error) {
    int rc = known_choice(config, ret, error);
    return rc < 0 ? rc : trust_check_directory(config, ret->directory, error);
}

/* Those that an earlier worker has kept. */
static int know_kept(struct daemon *daemon, struct reel_error *error) {
    char path[KEPT_NAME_MAX];
    const char *name;
    int rc = 0;
    while (rc == 0 && (name = kept_first(KEPT_PLUGIN))) {
        snprintf(path, sizeof path, "%s", name + sizeof KEPT_PLUGIN - 1);
        rc = know_plugin_at(daemon, path, error);
    }
    return rc;
}

/* All or none. */
static void keep_all(const struct daemon *daemon) {
    char name[KEPT_NAME_MAX];
    struct reel_error ignored = {0};
    AUTO_CLOSE int mark = -1;
    if (file_in_memory(KEPT_CHOSEN, "", 0, &mark, &ignored) < 0) return;
    for (const struct plugin *plugin = daemon->known; plugin; plugin = plugin->next)
        if (plugin->file && !known_name(plugin->file->path, name)) return;
    for (const struct plugin *plugin = daemon->known; plugin; plugin = plugin->next)
        if (plugin->file && known_name(plugin->file->path, name)) kept_keep(name, plugin->file->fd);
    kept_keep(KEPT_CHOSEN, mark);
}

bool known_name(const char *path, char ret[KEPT_NAME_MAX]) {
    return snprintf(ret, KEPT_NAME_MAX, KEPT_PLUGIN "%s", path) < KEPT_NAME_MAX;
}

/* Each worker runs the plugins that the first one has loaded, or for which plugins were reloaded
 * (reload.h), whatever has happened to the files and their directory. */
static int know_chosen(struct daemon *daemon, struct reel_error *error) {
    struct plugin_choice choice;
    if (kept_first(KEPT_CHOSEN)) return know_kept(daemon, error);
    int rc = choose(daemon->config, &choice, error);
    if (rc < 0) return rc;
    rc = plugins_each(&choice, know_plugin_at, daemon, error);
    if (rc == 0) keep_all(daemon);
    return rc;
}

int known_read(struct daemon *daemon, int argc, char **argv, struct reel_error *error) {
    int rc = known_own(daemon, error);
    if (rc == 0) rc = know_chosen(daemon, error);
    if (rc == 0) rc = config_read(daemon->config, argc, argv, error);
    return rc < 0 ? rc : check_sinks(daemon, error);
}

/* ---- Other plugins in the place of some ------------------------------------------------------ */

struct replacing {
    struct daemon *daemon;
    struct plugin **last; /* of those that are replaced */
};

static bool has_collection(const struct plugin *plugin, const char *name) {
    for (uint32_t i = 0; i < plugin->projector_count; i++)
        if (strcmp(plugin->projectors[i].declared.collection, name) == 0) return true;
    return false;
}

static bool is_replaced(const struct daemon *daemon, const struct plugin *plugin) {
    for (const struct plugin *known = daemon->known; known; known = known->next)
        for (uint32_t i = 0; i < plugin->projector_count; i++)
            if (has_collection(known, plugin->projectors[i].declared.collection)) return true;
    return false;
}

/* The new file may be where the old one was. */
static int know_unless_replaced(void *context, const char *path, struct reel_error *error) {
    struct replacing *replacing = context;
    struct plugin *plugin;
    int rc = load_plugin(replacing->daemon, path, &plugin, error);
    if (rc < 0) return rc == -EEXIST ? 0 : rc;
    if (!is_replaced(replacing->daemon, plugin))
        return know_plugin_take(replacing->daemon, plugin, error);
    *replacing->last = plugin;
    replacing->last = &plugin->next;
    return 0;
}

int known_read_instead(struct daemon *daemon, int argc, char **argv, char *const *files,
                       struct plugin **ret_replaced, struct reel_error *error) {
    struct replacing replacing = {daemon, ret_replaced};
    struct plugin_choice choice;
    int rc = trust_check_file(daemon->config, "config", error);
    if (rc == 0) rc = known_own(daemon, error);
    for (; rc == 0 && *files; files++) rc = know_plugin_at(daemon, *files, error);
    if (rc == 0) rc = choose(daemon->config, &choice, error);
    if (rc == 0) rc = plugins_each(&choice, know_unless_replaced, &replacing, error);
    if (rc == 0) rc = config_read(daemon->config, argc, argv, error);
    return rc < 0 ? rc : check_sinks(daemon, error);
}

/* ---- Settings that are shared ---------------------------------------------------------------- */

int known_read_shared(struct daemon *daemon, int argc, char **argv, struct reel_error *error) {
    struct reel_error ignored = {0};
    int rc = known_own(daemon, error);
    if (rc == 0) rc = config_read(daemon->config, argc, argv, error);
    if (rc != -EINVAL) return rc;
    if (config_peek(daemon->config, argc, argv, &ignored) < 0 || know_chosen(daemon, &ignored) < 0)
        return rc;
    return config_read(daemon->config, argc, argv, error);
}

void known_forget(struct daemon *daemon) {
    while (daemon->known) {
        struct plugin *plugin = daemon->known;
        daemon->known = plugin->next;
        worker_unloads(plugin->file ? plugin->file->path : "");
        plugin_unload(plugin);
    }
    worker_unloads("");
}

bool known_need_tokens(const struct daemon *daemon) {
    const char *name;
    for (size_t i = 0; (name = config_text(daemon->config, "sink", i)); i++)
        if (known_sink(daemon, name)->flags & REEL_SINK_NEEDS_TOKENS) return true;
    return false;
}

int known_find_store(const struct reel_plugin *own, int argc, char **argv, char **ret,
                     struct reel_error *error) {
    struct daemon daemon = {.own = own};
    int rc = known_create_config(&daemon, error);
    if (rc == 0) rc = known_read_shared(&daemon, argc, argv, error);
    if (rc == 0) rc = data_directory(config_text(daemon.config, "data", 0), ret, error);
    config_destroy(daemon.config);
    known_forget(&daemon);
    return rc;
}
