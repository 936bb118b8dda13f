/* words.c: see words.h. What an author compares strings with mostly lies in the object's read-only
 * data: the phases of a family, the states of a record. They are found as `strings` finds them.
 */
#include "daemon/check/words.h"

#include "base/cleanup.h"

#include <reel/projector.h>

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* What events are often called: a compiler may have turned a short string into a number. */
static const char *const common[] = {
    "created", "updated",  "deleted", "started",   "stopped",   "completed", "failed",
    "opened",  "closed",   "added",   "removed",   "changed",   "renamed",   "cancelled",
    "placed",  "paid",     "shipped", "delivered", "submitted", "accepted",  "refused",
    "made",    "finished", "set",
};

/* ---- Adding ---------------------------------------------------------------------------------- */

void words_add(struct lesson *lesson, const char *text, size_t len) {
    if (len == 0 || len >= WORD_BYTES || lesson->word_count == WORDS_MAX) return;
    for (uint32_t i = 0; i < lesson->word_count; i++)
        if (strlen(lesson->words[i]) == len && memcmp(lesson->words[i], text, len) == 0) return;
    memcpy(lesson->words[lesson->word_count++], text, len);
}

void types_add(struct lesson *lesson, const char *text, size_t len, uint32_t weight) {
    if (len >= TYPE_BYTES || lesson->type_count == TYPES_MAX || memchr(text, 0, len)) return;
    for (uint32_t i = 0; i < lesson->type_count; i++)
        if (strlen(lesson->types[i].text) == len &&
            memcmp(lesson->types[i].text, text, len) == 0)
            return;
    struct event_type *type = &lesson->types[lesson->type_count++];
    memcpy(type->text, text, len);
    type->weight = weight;
}

/* ---- From the file --------------------------------------------------------------------------- */

static bool is_name_byte(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("_-.:/", c));
}

static void words_of_bytes(struct lesson *lesson, const char *bytes, size_t len) {
    for (size_t at = 0; at < len;) {
        size_t end = at;
        while (end < len && is_name_byte((unsigned char)bytes[end])) end++;
        bool whole = end < len && bytes[end] == '\0' && (at == 0 || bytes[at - 1] == '\0');
        if (whole && end - at > 1) words_add(lesson, bytes + at, end - at);
        at = end + 1;
    }
}

/* Sections that are loaded, read-only, no code: .rodata, and some that have no names in them. */
static void words_of_sections(struct lesson *lesson, const char *file, size_t size) {
    const ElfW(Ehdr) *elf = (const void *)file;
    if (elf->e_shentsize != sizeof(ElfW(Shdr)) || elf->e_shoff > size ||
        (size - elf->e_shoff) / sizeof(ElfW(Shdr)) < elf->e_shnum)
        return;
    for (size_t i = 0; i < elf->e_shnum; i++) {
        ElfW(Shdr) section;
        memcpy(&section, file + elf->e_shoff + i * sizeof section, sizeof section);
        if (section.sh_type != SHT_PROGBITS || !(section.sh_flags & SHF_ALLOC) ||
            section.sh_flags & (SHF_EXECINSTR | SHF_WRITE) || section.sh_offset > size ||
            size - section.sh_offset < section.sh_size)
            continue;
        words_of_bytes(lesson, file + section.sh_offset, section.sh_size);
    }
}

void words_of_file(struct lesson *lesson, const char *path) {
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0 || (size_t)info.st_size < sizeof(ElfW(Ehdr))) return;
    size_t size = (size_t)info.st_size;
    void *file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file == MAP_FAILED) return;
    words_of_sections(lesson, file, size);
    munmap(file, size);
}

/* ---- From the declarations ------------------------------------------------------------------- */

void words_of_fields(struct lesson *lesson, const struct reel_projector *projector) {
    for (const struct reel_field *const *field = projector->fields; *field; field++)
        for (const char *const *value = (*field)->values; value && *value; value++)
            words_add(lesson, *value, strlen(*value));
}

static void add_joined(struct lesson *lesson, const char *prefix, const char *suffix) {
    char type[TYPE_BYTES + WORD_BYTES];
    int len = snprintf(type, sizeof type, "%s%s", prefix, suffix);
    if (len > 0 && (size_t)len < sizeof type) types_add(lesson, type, (size_t)len, 1);
}

/* Prefixes alone first, and then in turn, so that the bound does not fall on one of them. */
void types_of_projector(struct lesson *lesson, const struct reel_projector *projector) {
    const char *const *prefixes = projector->type_prefixes;
    for (size_t p = 0; prefixes[p]; p++) add_joined(lesson, prefixes[p], "");
    for (uint32_t w = 0; w < lesson->word_count; w++)
        for (size_t p = 0; prefixes[p]; p++) {
            const char *word = lesson->words[w];
            bool whole = strncmp(word, prefixes[p], strlen(prefixes[p])) == 0 && prefixes[p][0];
            add_joined(lesson, whole ? "" : prefixes[p], word);
        }
    for (size_t c = 0; c < sizeof common / sizeof *common; c++)
        for (size_t p = 0; prefixes[p]; p++) add_joined(lesson, prefixes[p], common[c]);
}
