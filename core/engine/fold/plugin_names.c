/* plugin_names.c: see plugin_names.h.
 *
 * Alternatives:
 *   - RTLD_DEEPBIND does what is needed, for the plugin and for the libraries that it brings. But
 *     it also bypasses libraries that replace libc on purpose. With a preloaded allocator, strdup
 *     in libc would use this allocator, and free in the plugin would use libc's, which aborts. The
 *     sanitizers end the process at such a dlopen. So RTLD_DEEPBIND is used only if no library
 *     replaces libc's allocator.
 *   - dlmopen has about twelve namespaces for each process, each with a libc of its own.
 *   - A small program that opens everything else as a local object would hide Reel's libraries,
 *     but not libc, whose names `warn` and `step` are as likely to conflict. Also, a program that
 *     embeds Reel is linked in its own way.
 *   - The plugin's relocations could be corrected after dlopen. Its constructors have run by then.
 */
#include "engine/fold/plugin_names.h"

#include "base/object.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>

/* ---- Opening --------------------------------------------------------------------------------- */

/* Do both names lead into one object? One that is not there is not in another's way. */
static bool are_together(const char *name, const char *neighbour) {
    void *one = dlsym(RTLD_DEFAULT, name), *other = dlsym(RTLD_DEFAULT, neighbour);
    Dl_info info, other_info;
    if (!one || !other) return true;
    return dladdr(one, &info) && dladdr(other, &other_info) &&
           info.dli_fbase == other_info.dli_fbase;
}

/* The allocators of C and of C++ are the ones that libc and libstdc++ use themselves. */
static int own_names_first(void) {
#ifdef RTLD_DEEPBIND
    if (are_together("malloc", "gnu_get_libc_version") && are_together("_Znwm", "_ZNSt6localeC1Ev"))
        return RTLD_DEEPBIND;
#endif
    return 0;
}

void *plugin_open(const char *path) {
    return dlopen(path, RTLD_NOW | RTLD_LOCAL | own_names_first());
}

/* ---- Checking -------------------------------------------------------------------------------- */

#define HOW_TO_MEND "build it with -fvisibility=hidden"

/* A name of this object that others can see, and that is not shared by design, as the weak ones of
 * C++ are. */
static bool is_own(const ElfW(Sym) * symbol) {
    unsigned type = symbol->st_info & 0xfU, binding = symbol->st_info >> 4;
    return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS && binding == STB_GLOBAL &&
           (type == STT_FUNC || type == STT_OBJECT);
}

/* What the loader has put there. A sanitizer takes the space between the plugin's variables for
 * forbidden, and some of these words are in it. They may have any alignment. */
__attribute__((no_sanitize("address"))) static uintptr_t word_at(const void *at) {
    const struct { uintptr_t word; } __attribute__((packed, may_alias)) *place = at;
    return place->word;
}

static int check_word(const struct object *object, const ElfW(Rela) * entry,
                      struct reel_error *error) {
    const ElfW(Sym) *symbol = object_symbol(object, entry);
    Dl_info own, info;
    if (!is_own(symbol)) return 0;
    uintptr_t wanted = object->base + symbol->st_value;
    uintptr_t found = word_at(object_word(object, entry)) - (uintptr_t)entry->r_addend;
    if (found == wanted || !dladdr((void *)found, &info) || !dladdr((void *)wanted, &own) ||
        info.dli_fbase == own.dli_fbase)
        return 0;
    return fail(error, -ENOEXEC, "its function `%s` would be replaced by that of %s: " HOW_TO_MEND,
                object->names + symbol->st_name, info.dli_fname);
}

static int check_allocator(void *handle, const struct object *object, struct reel_error *error) {
    static const char *const allocators[] = {"malloc", "free", "_Znwm", "_ZdlPv"};
    Dl_info own, info;
    if (!dladdr(object->names, &own)) return 0;
    for (size_t i = 0; i < sizeof allocators / sizeof *allocators; i++) {
        void *found = dlsym(handle, allocators[i]);
        if (found && dladdr(found, &info) && info.dli_fbase == own.dli_fbase)
            return fail(error, -ENOEXEC,
                        "it exports `%s`, and a process has one allocator: " HOW_TO_MEND,
                        allocators[i]);
    }
    return 0;
}

int plugin_check_names(void *handle, struct reel_error *error) {
    struct object object;
    if (!object_read(handle, &object)) return 0;
    int rc = check_allocator(handle, &object, error);
    for (int table = 0; table < 2 && rc == 0; table++) {
        const ElfW(Rela) *entry = object.tables[table];
        size_t count = entry ? object.bytes[table] / sizeof *entry : 0;
        for (; count > 0 && rc == 0; count--, entry++) rc = check_word(&object, entry, error);
    }
    return rc;
}
