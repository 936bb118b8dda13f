/* plugin_file.h: the file of a plugin, from its path to the dynamic loader.
 *
 * The file is opened once, and copied into memory that nobody can change any more (a sealed memfd).
 * Everything that follows uses this copy: the note and the build id are read from it, the daemon
 * compares its SHA-256 with the pinned one, and the dynamic loader maps it. So the file that was
 * checked is the file that runs, whatever happens to the path meanwhile, and `cp` over the file
 * does not reach the code that is running.
 *
 * A loader knows an object by its name. The copy has the name /proc/PID/fd/N. After loading, the
 * name is replaced by the path of the file, for debuggers, for core files and for messages
 * (dladdr). A library that the plugin has beside it (a run path with $ORIGIN) is loaded first,
 * because the loader would look for it beside the copy.
 *
 * Used by one thread at a time.
 */
#ifndef REEL_ENGINE_FOLD_PLUGIN_FILE_H
#define REEL_ENGINE_FOLD_PLUGIN_FILE_H

#include "base/build_id.h"
#include "base/error.h"

#include <reel/note.h>

/* Largest file of a plugin, in bytes. */
#define PLUGIN_FILE_BYTES_MAX ((uint64_t)1 << 30)

/* Most libraries that a plugin has beside it. */
#define NEIGHBOURS_MAX 16

struct plugin_file {
    char *path;             /* as given */
    char *full_path;        /* absolute */
    uint64_t device, inode; /* of the file, to recognize the same file under another name; or of
                               a copy that was made before */
    int fd;                 /* of the copy */
    struct elf elf;         /* the copy */
    struct reel_note note;
    uint8_t build_id[BUILD_ID_BYTES];

    /* Private. */
    size_t references, loads;
    char name[64];        /* by which the loader finds the copy */
    char *name_of_loader; /* while the object is loaded and has the other name */
    void *neighbours[NEIGHBOURS_MAX];
    size_t neighbour_count;
    bool stays; /* the loader keeps the object for ever */
};

/* Copies a file, and reads its note. The note is well formed, but says what the file says:
 * plugin_file_check. `error` has no path in it. -ENOENT, -ENOEXEC, or another error. */
int plugin_file_open(const char *path, struct plugin_file **ret, struct reel_error *error);

/* The same with a copy that was made before, by another process maybe (plugin_file_fd): takes `fd`,
 * in any case, unless it is negative. The path is that of the original. */
int plugin_file_open_copy_take(const char *path, int fd, struct plugin_file **ret,
                               struct reel_error *error);
int plugin_file_fd(const struct plugin_file *file);

struct plugin_file *plugin_file_ref(struct plugin_file *file);
void plugin_file_unref(struct plugin_file *file); /* accepts NULL */

/* Does this host speak the ABI that the note names? -ENOEXEC: it does not. */
int plugin_file_check(const struct plugin_file *file, struct reel_error *error);
int plugin_check_abi(uint16_t major, uint16_t minor, struct reel_error *error);

/* Maps the copy, which runs its constructors. A file that is loaded twice is one object. */
int plugin_file_load(struct plugin_file *file, void **ret_handle, struct reel_error *error);
void plugin_file_unload(struct plugin_file *file, void *handle);

#endif
