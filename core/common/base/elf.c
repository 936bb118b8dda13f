/* elf.c: see elf.h. Notes have a name and a content, each padded to the segment's alignment. */
#include "base/elf.h"

#include <elf.h>

/* More than any linker makes. */
enum {
    SEGMENTS_MAX = 256,
    NOTES_MAX = 1024,
    ENTRIES_MAX = 4096,
};

#if __ELF_NATIVE_CLASS == 64
#define OWN_CLASS ELFCLASS64
#else
#define OWN_CLASS ELFCLASS32
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OWN_ORDER ELFDATA2LSB
#else
#define OWN_ORDER ELFDATA2MSB
#endif

/* The machine of this very code. */
#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#endif

static bool is_within(const struct elf *elf, uint64_t at, uint64_t len) {
    return at <= elf->size && len <= elf->size - at;
}

bool elf_read(const void *bytes, size_t size, struct elf *ret) {
    struct elf elf = {.bytes = bytes, .size = size};
    if (size < sizeof elf.head) return false;
    memcpy(&elf.head, bytes, sizeof elf.head);
    const unsigned char *ident = elf.head.e_ident;
    if (memcmp(ident, ELFMAG, SELFMAG) != 0 || ident[EI_CLASS] != OWN_CLASS ||
        ident[EI_DATA] != OWN_ORDER || elf.head.e_type != ET_DYN ||
        elf.head.e_phentsize != sizeof(ElfW(Phdr)))
        return false;
#ifdef OWN_MACHINE
    if (elf.head.e_machine != OWN_MACHINE) return false;
#endif
    *ret = elf;
    return true;
}

/* ---- Segments -------------------------------------------------------------------------------- */

/* The n-th segment, as the file says. False after the last. */
static bool declared_segment(const struct elf *elf, size_t n, ElfW(Phdr) * ret) {
    uint64_t at = elf->head.e_phoff;
    if (n >= elf->head.e_phnum || n >= SEGMENTS_MAX || at > elf->size) return false;
    at += n * sizeof *ret;
    if (!is_within(elf, at, sizeof *ret)) return false;
    memcpy(ret, elf->bytes + at, sizeof *ret);
    return true;
}

/* The same, with bytes that are within the file. A segment that leads out of it has no bytes. */
static bool segment_at(const struct elf *elf, size_t n, ElfW(Phdr) * ret) {
    if (!declared_segment(elf, n, ret)) return false;
    if (!is_within(elf, ret->p_offset, ret->p_filesz)) ret->p_offset = ret->p_filesz = 0;
    return true;
}

bool elf_is_whole(const struct elf *elf) {
    ElfW(Phdr) segment;
    for (size_t n = 0; n < elf->head.e_phnum && n < SEGMENTS_MAX; n++)
        if (!declared_segment(elf, n, &segment) ||
            (segment.p_type == PT_LOAD && !is_within(elf, segment.p_offset, segment.p_filesz)))
            return false;
    return true;
}

/* ---- Notes ----------------------------------------------------------------------------------- */

static uint64_t padded(uint64_t len, uint64_t alignment) {
    return (len + alignment - 1) & ~(alignment - 1);
}

struct note_search {
    const char *owner;
    uint32_t type;
    size_t steps; /* notes that were read, in all segments */
};

static bool is_wanted(const struct note_search *search, const ElfW(Nhdr) * note, const char *name) {
    size_t len = strlen(search->owner) + 1;
    return note->n_type == search->type && note->n_namesz == len &&
           memcmp(name, search->owner, len) == 0;
}

static bool look_into(const struct elf *elf, const ElfW(Phdr) * segment, struct note_search *search,
                      struct reel_str *ret) {
    const char *at = elf->bytes + segment->p_offset;
    uint64_t left = segment->p_filesz, alignment = segment->p_align == 8 ? 8 : 4;
    ElfW(Nhdr) note;
    while (left >= sizeof note && search->steps++ < NOTES_MAX) {
        memcpy(&note, at, sizeof note);
        uint64_t before = padded(sizeof note + (uint64_t)note.n_namesz, alignment);
        if (before > left || note.n_descsz > left - before) return false;
        if (is_wanted(search, &note, at + sizeof note)) {
            *ret = (struct reel_str){at + before, note.n_descsz};
            return true;
        }
        uint64_t len = before + padded(note.n_descsz, alignment);
        if (len > left) return false;
        at += len;
        left -= len;
    }
    return false;
}

bool elf_note(const struct elf *elf, const char *owner, uint32_t type, struct reel_str *ret) {
    struct note_search search = {.owner = owner, .type = type};
    ElfW(Phdr) segment;
    for (size_t n = 0; segment_at(elf, n, &segment); n++)
        if (segment.p_type == PT_NOTE && look_into(elf, &segment, &search, ret)) return true;
    return false;
}

/* ---- The dynamic section --------------------------------------------------------------------- */

/* Where in the file is this address of the loaded object? */
static bool file_offset(const struct elf *elf, uint64_t address, uint64_t *ret) {
    ElfW(Phdr) segment;
    for (size_t n = 0; segment_at(elf, n, &segment); n++) {
        if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
        if (address - segment.p_vaddr >= segment.p_filesz) continue;
        *ret = segment.p_offset + (address - segment.p_vaddr);
        return true;
    }
    return false;
}

/* The n-th entry with this tag. */
static bool dynamic_entry(const struct elf *elf, int64_t tag, size_t n, ElfW(Dyn) * ret) {
    ElfW(Phdr) segment;
    size_t at = 0;
    while (segment_at(elf, at, &segment) && segment.p_type != PT_DYNAMIC) at++;
    if (!segment_at(elf, at, &segment)) return false;
    for (size_t i = 0; i < ENTRIES_MAX && (i + 1) * sizeof *ret <= segment.p_filesz; i++) {
        memcpy(ret, elf->bytes + segment.p_offset + i * sizeof *ret, sizeof *ret);
        if (ret->d_tag == DT_NULL) return false;
        if (ret->d_tag == tag && n-- == 0) return true;
    }
    return false;
}

const char *elf_dynamic_text(const struct elf *elf, int64_t tag, size_t n) {
    ElfW(Dyn) entry, table, size;
    uint64_t begin;
    if (!dynamic_entry(elf, tag, n, &entry) || !dynamic_entry(elf, DT_STRTAB, 0, &table) ||
        !dynamic_entry(elf, DT_STRSZ, 0, &size) || !file_offset(elf, table.d_un.d_ptr, &begin) ||
        !is_within(elf, begin, size.d_un.d_val) || entry.d_un.d_val >= size.d_un.d_val)
        return NULL;
    const char *text = elf->bytes + begin + entry.d_un.d_val;
    return memchr(text, '\0', size.d_un.d_val - entry.d_un.d_val) ? text : NULL;
}
