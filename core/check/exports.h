/* exports.h: reads the file of a shared object: its sections, and the names that it exports. */
#ifndef REEL_CHECK_EXPORTS_H
#define REEL_CHECK_EXPORTS_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>

struct elf_file {
    const char *bytes;
    size_t size;
};

/* Returns false if the file cannot be read, or is not an ELF file. */
bool elf_open(const char *path, struct elf_file *ret);
void elf_close(struct elf_file *file);

/* Finds the n-th section. Its bytes are within the file, unless it is SHT_NOBITS. Returns false
 * after the last.
 */
bool elf_section(const struct elf_file *file, size_t n, ElfW(Shdr) * ret);

/* Calls `fn` for each name that the object exports, except `reel_plugin`, names that are reserved
 * for the implementation, and names that objects share on purpose (weak symbols, such as those of
 * C++ templates). */
void exports_each(const char *path, void (*fn)(void *context, const char *name), void *context);

#endif
