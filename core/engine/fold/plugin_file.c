/* plugin_file.c: see plugin_file.h. */
#include "engine/fold/plugin_file.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "engine/fold/plugin_names.h"
#include "event/formats.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

/* ---- The copy -------------------------------------------------------------------------------- */

static int open_regular(const char *path, struct stat *ret_info, struct reel_error *error) {
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, ret_info) < 0) {
        int code = errno;
        if (code == ENOENT) return fail(error, -code, "no such file");
        return fail(error, -code, "%s", strerror(code));
    }
    if (!S_ISREG(ret_info->st_mode)) return fail(error, -ENOEXEC, "it is not a shared object");
    if ((uint64_t)ret_info->st_size > PLUGIN_FILE_BYTES_MAX)
        return fail(error, -ENOEXEC, "it has %llu bytes, at most %llu are allowed",
                    (unsigned long long)ret_info->st_size,
                    (unsigned long long)PLUGIN_FILE_BYTES_MAX);
    int own = fd;
    fd = -1;
    return own;
}

/* Only the loader needs to execute it, by a mapping: the file itself need not be executable, and
 * systems may forbid it (vm.memfd_noexec). Older ones do not know the flag. */
static int make_memory(const char *path) {
    const char *slash = strrchr(path, '/');
    char name[128];
    snprintf(name, sizeof name, "%s", slash ? slash + 1 : path);
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    return fd < 0 && errno == EINVAL ? memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

static bool copy_all(int from, int to, off_t size) {
    for (off_t at = 0; at < size;) {
        ssize_t len = sendfile(to, from, &at, (size_t)(size - at));
        if (len < 0 && errno == EINTR) continue;
        if (len < 0) return false;
        if (len == 0) { /* it has become shorter */
            errno = EAGAIN;
            return false;
        }
    }
    return true;
}

static bool is_unchanged(int fd, const struct stat *before) {
    struct stat now;
    return fstat(fd, &now) == 0 && now.st_size == before->st_size &&
           memcmp(&now.st_mtim, &before->st_mtim, sizeof now.st_mtim) == 0;
}

static int map_copy(struct plugin_file *file, size_t size, struct reel_error *error) {
    void *bytes = size > 0 ? mmap(NULL, size, PROT_READ, MAP_SHARED, file->fd, 0) : NULL;
    if (bytes == MAP_FAILED) return fail(error, -errno, "%s", strerror(errno));
    file->elf = (struct elf){.bytes = bytes, .size = size};
    return 0;
}

static int fill_copy(struct plugin_file *file, const char *path, struct reel_error *error) {
    struct stat info;
    AUTO_CLOSE int from = open_regular(path, &info, error);
    if (from < 0) return from;
    file->device = info.st_dev;
    file->inode = info.st_ino;
    file->fd = make_memory(path);
    if (file->fd < 0 || !copy_all(from, file->fd, info.st_size)) {
        int code = errno;
        if (code != EAGAIN)
            return fail(error, -code, "it cannot be copied into memory: %s", strerror(code));
        return fail(error, -code, "it became shorter while it was read");
    }
    if (!is_unchanged(from, &info)) return fail(error, -EAGAIN, "it changed while it was read");
    if (fcntl(file->fd, F_ADD_SEALS, SEALS) < 0)
        return fail(error, -errno, "its copy cannot be sealed: %s", strerror(errno));
    return map_copy(file, (size_t)info.st_size, error);
}

/* A copy that was made before: nobody can have changed it. */
static int take_copy(struct plugin_file *file, struct reel_error *error) {
    struct stat info;
    if (fstat(file->fd, &info) < 0 || (fcntl(file->fd, F_GET_SEALS) & SEALS) != SEALS)
        return fail(error, -EINVAL, "its copy is not sealed");
    file->device = info.st_dev;
    file->inode = info.st_ino;
    return map_copy(file, (size_t)info.st_size, error);
}

/* ---- The note -------------------------------------------------------------------------------- */

/* People see the texts of a file before it is trusted. */
static bool is_text(const char *text, size_t size) {
    return text[0] && memchr(text, '\0', size) && format_is_clean(reel_text(text));
}

static int read_note(struct plugin_file *file, struct reel_error *error) {
    struct reel_note *note = &file->note;
    struct reel_str content;
    if (!elf_note(&file->elf, REEL_NOTE_OWNER, REEL_NOTE_TYPE, &content))
        return fail(error, -ENOEXEC,
                    "it is not a plugin: it has no note `" REEL_NOTE_OWNER
                    "` (REEL_PLUGIN in reel/projector.h writes it)");
    if (content.len < REEL_NOTE_CONTENT_SIZE)
        return fail(error, -ENOEXEC, "its note has %zu bytes, wanted at least %d", content.len,
                    REEL_NOTE_CONTENT_SIZE);
    memcpy(&note->abi_major, content.data, REEL_NOTE_CONTENT_SIZE);
    if (!is_text(note->name, sizeof note->name) || !is_text(note->version, sizeof note->version))
        return fail(error, -ENOEXEC, "its note has no name or no version that is text");
    return 0;
}

_Static_assert(sizeof(struct reel_note) - offsetof(struct reel_note, abi_major) ==
                   REEL_NOTE_CONTENT_SIZE,
               "the content of the note ends the struct");
_Static_assert(REEL_ABI_TARGET_MINOR == REEL_ABI_MINOR, "the host knows everything");

int plugin_check_abi(uint16_t major, uint16_t minor, struct reel_error *error) {
    if (major == REEL_ABI_MAJOR && minor <= REEL_ABI_MINOR) return 0;
    return fail(error, -ENOEXEC, "abi %u.%u, this host speaks %d.0 to %d.%d", major, minor,
                REEL_ABI_MAJOR, REEL_ABI_MAJOR, REEL_ABI_MINOR);
}

int plugin_file_check(const struct plugin_file *file, struct reel_error *error) {
    return plugin_check_abi(file->note.abi_major, file->note.abi_minor, error);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int open_file(struct plugin_file *file, const char *path, struct reel_error *error) {
    file->path = strdup(path);
    if (!file->path) return fail_memory(error);
    int rc = file->fd < 0 ? fill_copy(file, path, error) : take_copy(file, error);
    if (rc < 0) return rc;
    file->full_path = realpath(path, NULL);
    if (!file->full_path) file->full_path = strdup(path); /* it was there a moment ago */
    if (!file->full_path) return fail_memory(error);
    if (!elf_read(file->elf.bytes, file->elf.size, &file->elf))
        return fail(error, -ENOEXEC, "it is not a shared object");
    if (!elf_is_whole(&file->elf))
        return fail(error, -ENOEXEC, "it is cut off: it ends after %zu bytes", file->elf.size);
    build_id_of(&file->elf, file->build_id);
    return read_note(file, error);
}

int plugin_file_open(const char *path, struct plugin_file **ret, struct reel_error *error) {
    return plugin_file_open_copy_take(path, -1, ret, error);
}

int plugin_file_open_copy_take(const char *path, int fd, struct plugin_file **ret,
                               struct reel_error *error) {
    struct plugin_file *file = calloc(1, sizeof *file);
    if (!file) {
        if (fd >= 0) close(fd);
        return fail_memory(error);
    }
    file->references = 1;
    file->fd = fd;
    int rc = open_file(file, path, error);
    if (rc < 0) {
        plugin_file_unref(file);
        return rc;
    }
    *ret = file;
    return 0;
}

int plugin_file_fd(const struct plugin_file *file) {
    return file->fd;
}

struct plugin_file *plugin_file_ref(struct plugin_file *file) {
    file->references++;
    return file;
}

/* As long as the loader has an object of this name, no other copy may get the same number. */
void plugin_file_unref(struct plugin_file *file) {
    if (!file || --file->references > 0) return;
    INVARIANT(file->loads == 0);
    if (file->elf.bytes) munmap((void *)file->elf.bytes, file->elf.size);
    if (file->fd >= 0 && !file->stays) close(file->fd);
    free(file->full_path);
    free(file->path);
    free(file);
}

/* ---- Libraries beside it --------------------------------------------------------------------- */

/* The rest of an entry of the run path that begins with $ORIGIN; NULL: another entry. */
static const char *behind_origin(const char *entry) {
    static const char *const forms[] = {"$ORIGIN", "${ORIGIN}"};
    for (size_t i = 0; i < 2; i++)
        if (strncmp(entry, forms[i], strlen(forms[i])) == 0) return entry + strlen(forms[i]);
    return NULL;
}

/* Finds a library by the entries of the run path that lead to the plugin's directory. */
static bool find_beside(const struct plugin_file *file, const char *run_path, const char *library,
                        char ret[PATH_MAX]) {
    int directory = (int)(strrchr(file->full_path, '/') - file->full_path);
    for (const char *at = run_path; *at; at += strcspn(at, ":"), at += *at == ':') {
        const char *rest = behind_origin(at);
        if (!rest || rest > at + strcspn(at, ":")) continue;
        int len = snprintf(ret, PATH_MAX, "%.*s%.*s/%s", directory, file->full_path,
                           (int)strcspn(rest, ":"), rest, library);
        if (len < PATH_MAX && access(ret, R_OK) == 0) return true;
    }
    return false;
}

/* If one cannot be loaded, the loader says so when the plugin needs it. */
static void load_neighbours(struct plugin_file *file) {
    const char *run_path = elf_dynamic_text(&file->elf, DT_RUNPATH, 0), *library;
    char path[PATH_MAX];
    if (!run_path) run_path = elf_dynamic_text(&file->elf, DT_RPATH, 0);
    if (!run_path || file->full_path[0] != '/') return;
    for (size_t n = 0; (library = elf_dynamic_text(&file->elf, DT_NEEDED, n)); n++) {
        if (file->neighbour_count == NEIGHBOURS_MAX) return;
        if (strchr(library, '/') || !find_beside(file, run_path, library, path)) continue;
        void *handle = plugin_open(path);
        if (handle) file->neighbours[file->neighbour_count++] = handle;
    }
}

static void unload_neighbours(struct plugin_file *file) {
    while (file->neighbour_count > 0) dlclose(file->neighbours[--file->neighbour_count]);
}

/* ---- Loading --------------------------------------------------------------------------------- */

/* A debugger can open /proc/PID, but /proc/self would be its own. In a container that has the
 * /proc of another, only `self` is right. */
static void name_copy(struct plugin_file *file) {
    struct stat own, found;
    snprintf(file->name, sizeof file->name, "/proc/%d/fd/%d", (int)getpid(), file->fd);
    if (fstat(file->fd, &own) == 0 && stat(file->name, &found) == 0 && own.st_dev == found.st_dev &&
        own.st_ino == found.st_ino)
        return;
    snprintf(file->name, sizeof file->name, "/proc/self/fd/%d", file->fd);
}

static int fail_loading(const struct plugin_file *file, struct reel_error *error) {
    const char *why = dlerror();
    size_t len = strlen(file->name);
    if (access("/proc/self/fd", X_OK) < 0)
        return fail(error, -ENOEXEC, "/proc is not mounted, which is needed to load plugins");
    if (why && strncmp(why, file->name, len) == 0 && strncmp(why + len, ": ", 2) == 0)
        why += len + 2;
    return fail(error, -ENOEXEC, "%s", why ? why : "out of memory");
}

/* Gives the object the path of the file as its name. The loader's own string is put back before the
 * loader frees it. */
static void rename_object(struct plugin_file *file, void *handle) {
    struct link_map *map;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0) return;
    file->name_of_loader = map->l_name;
    map->l_name = file->full_path;
}

static void restore_name(struct plugin_file *file, void *handle) {
    struct link_map *map;
    if (!file->name_of_loader || dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0) return;
    map->l_name = file->name_of_loader;
    file->name_of_loader = NULL;
}

int plugin_file_load(struct plugin_file *file, void **ret_handle, struct reel_error *error) {
    if (file->loads == 0) {
        name_copy(file);
        load_neighbours(file);
    }
    void *handle = plugin_open(file->name);
    if (!handle) {
        int rc = fail_loading(file, error);
        if (file->loads == 0) unload_neighbours(file);
        return rc;
    }
    if (file->loads++ == 0) rename_object(file, handle);
    *ret_handle = handle;
    return 0;
}

/* An object with symbols that must be unique in the process (C++) is never removed. */
void plugin_file_unload(struct plugin_file *file, void *handle) {
    INVARIANT(file->loads > 0);
    if (--file->loads > 0) {
        dlclose(handle);
        return;
    }
    restore_name(file, handle);
    dlclose(handle);
    unload_neighbours(file);
    void *kept = dlopen(file->name, RTLD_LAZY | RTLD_NOLOAD);
    if (kept) {
        dlclose(kept);
        file->stays = true;
    }
}
