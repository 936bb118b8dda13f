/* elf.h: reads the file of a shared object, before the dynamic loader does.
 *
 * Any byte of the file may be wrong: each offset and each size is checked before it is used, and
 * the work is bounded. What is found points into the file.
 */
#ifndef REEL_BASE_ELF_H
#define REEL_BASE_ELF_H

#include <reel/abi.h>

#include <link.h>

struct elf {
    const char *bytes;
    size_t size;
    ElfW(Ehdr) head;
};

/* False: it is not a shared object for this machine. The bytes are borrowed. */
bool elf_read(const void *bytes, size_t size, struct elf *ret);

/* False: the file ends before what is to be mapped of it. The dynamic loader does not check this,
 * and the first access to such a page ends the process (SIGBUS). */
bool elf_is_whole(const struct elf *elf);

/* The content of the first note with this owner and type. False: there is none. */
bool elf_note(const struct elf *elf, const char *owner, uint32_t type, struct reel_str *ret);

/* The string of the n-th entry with this tag in the dynamic section (DT_NEEDED, DT_RUNPATH);
 * NULL: there is none. */
const char *elf_dynamic_text(const struct elf *elf, int64_t tag, size_t n);

#endif
