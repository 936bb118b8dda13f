/* known.c: see known.h. */
#include "daemon/known.h"

#include "base/error.h"
#include "base/kept.h"
#include "daemon/pins.h"
#include "daemon/trust.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

/* Each worker runs the plugins that the first one has loaded, whatever has happened to the files.
 */
static int open_kept(const char *path, struct plugin_file **ret, struct reel_error *error) {
    char name[KEPT_NAME_MAX + 1];
    snprintf(name, sizeof name, "plugin %s", path);
    int fd = kept_find(name), rc = plugin_file_open_copy_take(path, fd, ret, error);
    if (rc == 0 && fd < 0) kept_keep(name, (*ret)->fd);
    return rc;
}

/* -EEXIST: it is known already. */
static int load_plugin(const struct daemon *daemon, const char *path, struct plugin **ret,
                       struct reel_error *error) {
    struct plugin_file *file;
    int rc = trust_check_plugin(daemon->config, path, error);
    if (rc < 0) return rc;
    rc = open_kept(path, &file, error);
    if (rc < 0) return fail_in(error, rc, "cannot load %s", path);
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

static int each_chosen(const struct config *config, plugin_path_fn fn, void *context,
                       struct reel_error *error) {
    struct plugin_choice choice;
    int rc = known_choice(config, &choice, error);
    if (rc == 0) rc = trust_check_directory(config, choice.directory, error);
    return rc < 0 ? rc : plugins_each(&choice, fn, context, error);
}

static int know_chosen(struct daemon *daemon, struct reel_error *error) {
    return each_chosen(daemon->config, know_plugin_at, daemon, error);
}

int known_read(struct daemon *daemon, int argc, char **argv, struct reel_error *error) {
    int rc = trust_check_file(daemon->config, "config", error);
    if (rc == 0) rc = known_own(daemon, error);
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
    int rc = trust_check_file(daemon->config, "config", error);
    if (rc == 0) rc = known_own(daemon, error);
    for (; rc == 0 && *files; files++) rc = know_plugin_at(daemon, *files, error);
    if (rc == 0) rc = each_chosen(daemon->config, know_unless_replaced, &replacing, error);
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
        plugin_unload(plugin);
    }
}

bool known_need_tokens(const struct daemon *daemon) {
    const char *name;
    for (size_t i = 0; (name = config_text(daemon->config, "sink", i)); i++)
        if (known_sink(daemon, name)->flags & REEL_SINK_NEEDS_TOKENS) return true;
    return false;
}
