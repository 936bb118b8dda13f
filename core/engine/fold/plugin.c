/* plugin.c: see plugin.h. */
#include "engine/fold/plugin.h"

#include "base/cleanup.h"
#include "engine/fold/plugin_check.h"
#include "engine/fold/plugin_names.h"

#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SYMBOL "reel_plugin"

/* Looks at the file before the dynamic loader does, whose words for this are its own. */
static int check_file(const char *path, struct plugin *plugin, struct reel_error *error) {
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0) {
        int code = errno;
        if (code == ENOENT) return fail(error, -code, "no such file");
        return fail(error, -code, "%s", strerror(code));
    }
    ElfW(Ehdr) elf;
    if (!S_ISREG(info.st_mode) || pread(fd, &elf, sizeof elf, 0) != (ssize_t)sizeof elf ||
        memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_type != ET_DYN)
        return fail(error, -ENOEXEC, "it is not a shared object");
    plugin->device = info.st_dev;
    plugin->inode = info.st_ino;
    return 0;
}

/* dlopen wants a slash, or it looks in the system's directories. */
static void *open_object(const char *path) {
    AUTO_FREE char *local = NULL;
    if (!strchr(path, '/')) {
        if (asprintf(&local, "./%s", path) < 0) return NULL;
        path = local;
    }
    return plugin_open(path);
}

/* Does the symbol have the size that its header says? It could be anything: a function, or less
 * than a header at the end of its section. */
static bool symbol_is_large_enough(const void *symbol) {
    Dl_info info;
    const ElfW(Sym) *entry = NULL;
    if (!dladdr1(symbol, &info, (void **)&entry, RTLD_DL_SYMENT) || !entry) return false;
    if ((entry->st_info & 0xf) != STT_OBJECT) return false;
    const struct reel_header *header = symbol;
    return entry->st_size >= sizeof *header &&
           (header->magic != REEL_PLUGIN_MAGIC || entry->st_size >= header->struct_size);
}

static int take_symbol(struct plugin *plugin, struct reel_error *error) {
    plugin->declared = dlsym(plugin->handle, SYMBOL);
    if (!plugin->declared) return fail(error, -ENOEXEC, "it exports no symbol `" SYMBOL "`");
    if (!symbol_is_large_enough(plugin->declared))
        return fail(error, -ENOEXEC, "its symbol `" SYMBOL "` is smaller than it says");
    return plugin_check(plugin, error);
}

static int load(const char *path, struct plugin *plugin, struct reel_error *error) {
    int rc = check_file(path, plugin, error);
    if (rc < 0) return rc;
    plugin->path = strdup(path);
    if (!plugin->path) return fail_memory(error);
    plugin->handle = open_object(path);
    if (!plugin->handle) {
        const char *why = dlerror();
        return fail(error, -ENOEXEC, "%s", why ? why : "out of memory");
    }
    rc = build_id_of(plugin->handle, path, plugin->build_id, error);
    if (rc == 0) rc = take_symbol(plugin, error);
    return rc < 0 ? rc : plugin_check_names(plugin->handle, error);
}

int plugin_load(const char *path, struct plugin **ret, struct reel_error *error) {
    struct plugin *plugin = calloc(1, sizeof *plugin);
    int rc = plugin ? load(path, plugin, error) : fail_memory(error);
    if (rc < 0) {
        plugin_unload(plugin);
        return fail_in(error, rc, "cannot load %s", path);
    }
    *ret = plugin;
    return 0;
}

int plugin_adopt(const struct reel_plugin *declared, struct plugin **ret,
                 struct reel_error *error) {
    struct plugin *plugin = calloc(1, sizeof *plugin);
    if (!plugin) return fail_memory(error);
    plugin->declared = declared;
    int rc = plugin_check(plugin, error);
    if (rc < 0) {
        plugin_unload(plugin);
        return fail_in(error, rc, "cannot add a plugin");
    }
    *ret = plugin;
    return 0;
}

/* ---- Directories ----------------------------------------------------------------------------- */

static int is_shared_object(const struct dirent *entry) {
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

int plugin_each_in(const char *directory, plugin_path_fn fn, void *context,
                   struct reel_error *error) {
    struct dirent **entries;
    int count = scandir(directory, &entries, is_shared_object, by_bytes), rc = 0;
    if (count < 0) {
        int code = errno;
        return fail(error, -code, "cannot read plugin directory %s: %s", directory, strerror(code));
    }
    for (int i = 0; i < count; i++) {
        AUTO_FREE char *file = NULL;
        if (rc == 0 && asprintf(&file, "%s/%s", directory, entries[i]->d_name) < 0) {
            file = NULL;
            rc = fail_memory(error);
        }
        if (rc == 0) rc = fn(context, file, error);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

void plugin_unload(struct plugin *plugin) {
    if (!plugin) return;
    for (uint32_t i = 0; i < plugin->projector_count; i++) {
        free(plugin->projectors[i].fields);
        free(plugin->projectors[i].field_list);
        free(plugin->projectors[i].commands);
        free(plugin->projectors[i].command_list);
    }
    free(plugin->projectors);
    for (uint32_t i = 0; i < plugin->sink_count; i++) {
        free(plugin->sinks[i].settings);
        free(plugin->sinks[i].setting_list);
    }
    free(plugin->sinks);
    arena_finish(&plugin->memory);
    if (plugin->handle) dlclose(plugin->handle);
    free(plugin->path);
    free(plugin);
}
