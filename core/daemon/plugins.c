/* plugins.c: see plugins.h. */
#include "daemon/plugins.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The top of the build tree, which has this program in core/daemon/, and build.ninja. */
static char *build_tree(void) {
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0) return NULL;
    path[len] = '\0';
    for (int up = 0; up < 3; up++) {
        char *slash = strrchr(path, '/');
        if (!slash) return NULL;
        *slash = '\0';
    }
    AUTO_FREE char *mark = NULL;
    if (asprintf(&mark, "%s/build.ninja", path) < 0) {
        mark = NULL;
        return NULL;
    }
    return access(mark, R_OK) == 0 ? strdup(path) : NULL;
}

static int each_of_build_tree(const char *top, plugin_path_fn fn, void *context,
                              struct reel_error *error) {
    AUTO_FREE char *pattern = NULL;
    if (asprintf(&pattern, "%s/plugins/*/*.so", top) < 0) {
        pattern = NULL;
        return fail_memory(error);
    }
    glob_t found;
    int rc = glob(pattern, 0, NULL, &found);
    if (rc == GLOB_NOMATCH)
        return fail(error, -ENOENT, "there is no plugin at %s: build it first", pattern);
    if (rc != 0) return fail(error, -EIO, "cannot list %s", pattern);
    for (size_t i = 0; i < found.gl_pathc && rc == 0; i++)
        rc = fn(context, found.gl_pathv[i], error);
    globfree(&found);
    return rc;
}

int plugins_take_option(struct plugin_choice *choice, int option, const char *value) {
    if (option == 'd') {
        choice->directory = value;
        return 1;
    }
    if (option == 's') {
        if (choice->setting_count == SETTINGS_MAX) return -E2BIG;
        choice->settings[choice->setting_count++] = value;
        return 1;
    }
    if (option != 'p') return 0;
    if (choice->count == PLUGINS_MAX) return -E2BIG;
    choice->files[choice->count++] = value;
    return 1;
}

int plugins_each(const struct plugin_choice *choice, plugin_path_fn fn, void *context,
                 struct reel_error *error) {
    int rc = choice->directory ? plugin_each_in(choice->directory, fn, context, error) : 0;
    for (size_t i = 0; i < choice->count && rc == 0; i++) rc = fn(context, choice->files[i], error);
    if (rc < 0 || choice->directory || choice->count > 0) return rc;
    AUTO_FREE char *top = build_tree();
    return top ? each_of_build_tree(top, fn, context, error)
               : plugin_each_in(reel_plugin_directory(), fn, context, error);
}

static int load_one(void *context, const char *path, struct reel_error *error) {
    return reel_load_plugin(context, path, error);
}

int plugins_load(struct reel *reel, const struct plugin_choice *choice, struct reel_error *error) {
    int rc = plugins_each(choice, load_one, reel, error);
    for (size_t n = 0; rc == 0 && n < choice->setting_count; n++)
        rc = engine_give_setting(reel, choice->settings[n], error);
    return rc;
}

static bool has_collection(struct reel *reel, const char *name) {
    const struct reel_projector *projector;
    for (size_t n = 0; (projector = reel_projector(reel, n)); n++)
        if (strcmp(projector->collection, name) == 0) return true;
    return false;
}

static int check_references(struct reel *reel, const struct reel_projector *projector,
                            struct reel_error *error) {
    for (size_t n = 0; projector->fields[n]; n++) {
        const struct reel_field *field = projector->fields[n];
        if (field->refers_to && !has_collection(reel, field->refers_to))
            return fail(error, -ENOENT,
                        "collection `%s`: field `%s` refers to the collection `%s`, which no "
                        "loaded plugin has: load the plugin that has it, too (--plugin or "
                        "--plugin-dir)",
                        projector->collection, field->name, field->refers_to);
    }
    return 0;
}

int plugins_check_references(struct reel *reel, struct reel_error *error) {
    const struct reel_projector *projector;
    int rc = 0;
    for (size_t n = 0; rc == 0 && (projector = reel_projector(reel, n)); n++)
        rc = check_references(reel, projector, error);
    return rc;
}
