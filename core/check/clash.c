/* clash.c: see clash.h.
 *
 * The host opens plugins so that their own names come first (plugin_names.h). This does not help
 * with names of which there is one in a process (STB_GNU_UNIQUE), in a process with another
 * allocator, or with files of the same name.
 */
#include "check/clash.h"

#include "base/cleanup.h"
#include "base/object.h"
#include "check/exports.h"
#include "check/guard.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct clashing {
    const char *path;
    void *handle;
    char needed[2048];  /* the libraries that it is linked with, each within two newlines */
    char library[1024]; /* that has the names below */
    char names[256];    /* the first of them */
    size_t count;
};

static bool is_needed(const struct clashing *clashing, const char *library) {
    const char *slash = strrchr(library, '/');
    char line[PATH_MAX];
    snprintf(line, sizeof line, "\n%s\n", slash ? slash + 1 : library);
    return strstr(clashing->needed, line);
}

/* The library of this program that has the name, or NULL. */
static const char *library_with(const char *name, Dl_info *ret) {
    void *found = dlsym(RTLD_DEFAULT, name);
    return found && dladdr(found, ret) ? ret->dli_fname : NULL;
}

/* ---- Exported names -------------------------------------------------------------------------- */

/* Names of the C++ standard library's templates, which objects share on purpose. */
static bool is_of_standard_cxx(const char *name) {
    static const char *const beginnings[] = {"_ZNSt",  "_ZNKSt",        "_ZSt",
                                             "_ZTISt", "_ZTSSt",        "_ZTVSt",
                                             "_ZGV",   "_ZN9__gnu_cxx", "_ZNK9__gnu_cxx"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0) return true;
    return false;
}

/* Objects also share other weak names on purpose, but only with the libraries that they are linked
 * with. */
static bool may_be_shared(const struct clashing *clashing, unsigned binding, const char *name,
                          const char *library) {
    return binding != STB_GLOBAL && (is_of_standard_cxx(name) || is_needed(clashing, library));
}

static void note_export(void *context, const ElfW(Sym) * symbol, const char *name) {
    struct clashing *clashing = context;
    Dl_info info;
    if (!symbol_is_export(symbol, name)) return;
    const char *library = library_with(name, &info);
    if (!library || may_be_shared(clashing, symbol->st_info >> 4, name, library)) return;
    if (clashing->count == 0) snprintf(clashing->library, sizeof clashing->library, "%s", library);
    if (strcmp(clashing->library, library) != 0) return;
    size_t used = strlen(clashing->names);
    if (clashing->count++ < 3)
        snprintf(clashing->names + used, sizeof clashing->names - used, "%s`%.64s`",
                 used ? ", " : "", name);
}

static void check_exports(struct clashing *clashing) {
    char more[64] = "";
    elf_symbols_each(clashing->path, note_export, clashing);
    if (clashing->count == 0) return;
    if (clashing->count > 3) snprintf(more, sizeof more, " and %zu more", clashing->count - 3);
    guard_found("it exports %s%s, which %s has, too: build it with -fvisibility=hidden, and link "
                "static libraries with -Wl,--exclude-libs,ALL",
                clashing->names, more, clashing->library);
}

/* ---- Names that it uses ---------------------------------------------------------------------- */

/* libc is in every process. */
static bool is_libc(const Dl_info *info) {
    Dl_info libc;
    void *at = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
    return at && dladdr(at, &libc) && libc.dli_fbase == info->dli_fbase;
}

static void check_use(void *context, const ElfW(Sym) * symbol, const char *name) {
    struct clashing *clashing = context;
    Dl_info info;
    if (symbol->st_shndx != SHN_UNDEF || symbol->st_info >> 4 != STB_GLOBAL ||
        strncmp(name, "__", 2) == 0 || dlsym(clashing->handle, name))
        return;
    const char *library = library_with(name, &info);
    if (library && !is_libc(&info))
        guard_found("it uses `%s`, but is not linked with a library that has it: it would be that "
                    "of %s, and only in hosts that have loaded it",
                    name, library);
}

/* ---- Libraries that it brings ---------------------------------------------------------------- */

/* Another file than the one that the loader uses under this name? */
static void check_brought(const char *directory, int len, const char *needed) {
    char brought[PATH_MAX];
    struct stat own, used;
    struct link_map *map;
    int at = snprintf(brought, sizeof brought, "%.*s/%s", len, directory, needed);
    if (at >= (int)sizeof brought || stat(brought, &own) < 0) return;
    void *handle = dlopen(needed, RTLD_NOLOAD | RTLD_LAZY);
    if (!handle) return;
    bool differs = dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && stat(map->l_name, &used) == 0 &&
                   (own.st_dev != used.st_dev || own.st_ino != used.st_ino);
    if (differs)
        guard_found("it brings %s, but this host uses %s, and a process has one library of a name: "
                    "link it statically, with -Wl,--exclude-libs,ALL",
                    brought, map->l_name);
    dlclose(handle);
}

/* A directory of the run path, in which $ORIGIN is the plugin's. */
static void check_directory(const struct clashing *clashing, const char *directory, int len,
                            const char *needed) {
    static const char *const origins[] = {"$ORIGIN", "${ORIGIN}"};
    const char *slash = strrchr(clashing->path, '/');
    char expanded[PATH_MAX];
    for (size_t i = 0; i < 2; i++) {
        int origin = (int)strlen(origins[i]);
        if (len < origin || strncmp(directory, origins[i], (size_t)origin) != 0) continue;
        int at = snprintf(expanded, sizeof expanded, "%.*s%.*s",
                          slash ? (int)(slash - clashing->path) : 0, clashing->path, len - origin,
                          directory + origin);
        if (at < (int)sizeof expanded) check_brought(expanded, at, needed);
        return;
    }
    check_brought(directory, len, needed);
}

static void check_libraries(struct clashing *clashing, const char *run_path) {
    for (const char *name = clashing->needed + 1; *name;) {
        size_t name_len = strcspn(name, "\n");
        AUTO_FREE char *needed = strndup(name, name_len);
        if (!needed) guard_trouble("out of memory");
        for (const char *at = run_path; *at;) {
            size_t len = strcspn(at, ":");
            check_directory(clashing, at, (int)len, needed);
            at += len + (at[len] == ':');
        }
        name += name_len + (name[name_len] == '\n');
    }
}

/* ---- All ------------------------------------------------------------------------------------- */

/* Reads what the plugin is linked with, and where the loader looks for that. */
static void read_dynamic(struct clashing *clashing, char *run_path, size_t size) {
    struct link_map *map;
    struct object object;
    size_t used = 1;
    run_path[0] = '\0';
    strcpy(clashing->needed, "\n");
    if (!object_read(clashing->handle, &object) ||
        dlinfo(clashing->handle, RTLD_DI_LINKMAP, &map) != 0)
        return;
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        const char *text = object.names + entry->d_un.d_val;
        if (entry->d_tag == DT_RUNPATH || entry->d_tag == DT_RPATH)
            snprintf(run_path, size, "%s", text);
        if (entry->d_tag == DT_NEEDED && used + strlen(text) + 2 < sizeof clashing->needed)
            used += (size_t)snprintf(clashing->needed + used, sizeof clashing->needed - used,
                                     "%s\n", text);
    }
}

void clash_check(const char *path) {
    char run_path[PATH_MAX];
    struct clashing clashing = {.path = path, .handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    if (!clashing.handle) guard_found("it cannot be loaded again: %s", dlerror());
    read_dynamic(&clashing, run_path, sizeof run_path);
    check_exports(&clashing);
    elf_symbols_each(path, check_use, &clashing);
    check_libraries(&clashing, run_path);
}
