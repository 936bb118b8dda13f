/* plugin.c: see plugin.h. */
#include "engine/fold/plugin.h"

#include "base/cleanup.h"
#include "engine/fold/plugin_check.h"
#include "engine/fold/plugin_file.h"
#include "engine/fold/plugin_names.h"

#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOL "reel_plugin"

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

static const char *kinds_word(uint32_t kinds) {
    static const char *const words[] = {"nothing", "projectors", "sinks", "projectors and sinks"};
    return kinds < sizeof words / sizeof *words ? words[kinds] : "kinds that this host lacks";
}

/* What the note says, the declaration must say, too. The note lists nothing if REEL_PLUGIN was
 * given a pointer, which has the size of NULL. */
static int compare_note(const struct plugin *plugin, struct reel_error *error) {
    const struct reel_note *note = &plugin->file->note;
    const struct reel_plugin *declared = plugin->declared;
    uint32_t kinds = (plugin->projector_count > 0 ? (uint32_t)REEL_KIND_PROJECTORS : 0) |
                     (plugin->sink_count > 0 ? (uint32_t)REEL_KIND_SINKS : 0);
    if (strcmp(note->name, declared->name) != 0)
        return fail(error, -ENOEXEC, "its note says that its name is `%s`, wanted `%s`", note->name,
                    declared->name);
    if (strcmp(note->version, declared->version) != 0)
        return fail(error, -ENOEXEC, "its note says that its version is `%s`, wanted `%s`",
                    note->version, declared->version);
    if (note->abi_major != declared->header.abi_major ||
        note->abi_minor != declared->header.abi_minor)
        return fail(error, -ENOEXEC, "its note says abi %u.%u, its header %u.%u", note->abi_major,
                    note->abi_minor, declared->header.abi_major, declared->header.abi_minor);
    if (note->kinds != kinds)
        return fail(error, -ENOEXEC,
                    "its note says that it lists %s, but it lists %s (REEL_PLUGIN wants the arrays "
                    "themselves, not pointers to them)",
                    kinds_word(note->kinds), kinds_word(kinds));
    return 0;
}

static int load(struct plugin *plugin, struct reel_error *error) {
    int rc = plugin_file_check(plugin->file, error);
    if (rc == 0) rc = plugin_file_load(plugin->file, &plugin->handle, error);
    if (rc == 0) rc = take_symbol(plugin, error);
    if (rc == 0) rc = compare_note(plugin, error);
    return rc < 0 ? rc : plugin_check_names(plugin->handle, error);
}

int plugin_load_file(struct plugin_file *file, struct plugin **ret, struct reel_error *error) {
    struct plugin *plugin = calloc(1, sizeof *plugin);
    int rc = plugin ? 0 : fail_memory(error);
    if (rc == 0) {
        plugin->file = plugin_file_ref(file);
        rc = load(plugin, error);
    }
    if (rc < 0) {
        plugin_unload(plugin);
        return fail_in(error, rc, "cannot load %s", file->path);
    }
    *ret = plugin;
    return 0;
}

int plugin_load(const char *path, struct plugin **ret, struct reel_error *error) {
    struct plugin_file *file;
    int rc = plugin_file_open(path, &file, error);
    if (rc < 0) return fail_in(error, rc, "cannot load %s", path);
    rc = plugin_load_file(file, ret, error);
    plugin_file_unref(file);
    return rc;
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

const uint8_t *plugin_build_id(const struct plugin *plugin) {
    static const uint8_t unknown[BUILD_ID_BYTES];
    return plugin->file ? plugin->file->build_id : unknown;
}

void plugin_unload(struct plugin *plugin) {
    if (!plugin) return;
    for (uint32_t i = 0; i < plugin->projector_count; i++) {
        free(plugin->projectors[i].fields);
        free(plugin->projectors[i].field_list);
        free(plugin->projectors[i].commands);
        free(plugin->projectors[i].command_list);
        free(plugin->projectors[i].settings.items);
        free(plugin->projectors[i].settings.list);
    }
    free(plugin->projectors);
    for (uint32_t i = 0; i < plugin->sink_count; i++) {
        free(plugin->sinks[i].settings.items);
        free(plugin->sinks[i].settings.list);
    }
    free(plugin->sinks);
    arena_finish(&plugin->memory);
    if (plugin->handle) plugin_file_unload(plugin->file, plugin->handle);
    plugin_file_unref(plugin->file);
    free(plugin);
}
