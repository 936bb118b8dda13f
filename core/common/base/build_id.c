/* build_id.c: see build_id.h. Notes are ELF's: name and descriptor, each padded to four bytes. */
#include "base/build_id.h"

#include "base/cleanup.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>

/* ---- The note -------------------------------------------------------------------------------- */

struct search {
    ElfW(Addr) base; /* load address of the object */
    uint8_t *ret;
    bool found;
};

static bool is_build_id(const ElfW(Nhdr) * note, const char *name) {
    return note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof ELF_NOTE_GNU &&
           memcmp(name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0 && note->n_descsz > 0;
}

static size_t padded(size_t len) {
    return (len + 3) & ~(size_t)3;
}

static void look_into_notes(struct search *search, const char *at, size_t left) {
    while (!search->found && left >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, at, sizeof note);
        size_t before = sizeof note + padded(note.n_namesz), len = before + padded(note.n_descsz);
        if (len > left) return;
        if (is_build_id(&note, at + sizeof note)) {
            size_t bytes = note.n_descsz < BUILD_ID_BYTES ? note.n_descsz : BUILD_ID_BYTES;
            memcpy(search->ret, at + before, bytes);
            search->found = true;
        }
        at += len;
        left -= len;
    }
}

static int look_into_object(struct dl_phdr_info *info, size_t size, void *context) {
    struct search *search = context;
    (void)size;
    if (info->dlpi_addr != search->base) return 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_NOTE) continue;
        look_into_notes(search, (const char *)(info->dlpi_addr + part->p_vaddr), part->p_memsz);
    }
    return 1;
}

/* ---- The file -------------------------------------------------------------------------------- */

/* FNV-1a, because the hash is stored. */
static int hash_file(const char *path, uint8_t ret[BUILD_ID_BYTES], struct reel_error *error) {
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    unsigned char bytes[16384];
    ssize_t got = -1;
    while (fd >= 0 && (got = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < got; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001B3);
    if (got < 0) return fail(error, -EIO, "cannot read %s: %s", path, strerror(errno));
    memcpy(ret, &hash, sizeof hash);
    return 0;
}

int build_id_of(void *handle, const char *path, uint8_t ret[BUILD_ID_BYTES],
                struct reel_error *error) {
    struct link_map *map;
    struct search search = {.ret = ret};
    memset(ret, 0, BUILD_ID_BYTES);
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0) {
        search.base = map->l_addr;
        dl_iterate_phdr(look_into_object, &search);
    }
    return search.found ? 0 : hash_file(path, ret, error);
}
