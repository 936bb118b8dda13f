/* exports.h: reads the file of a shared object: its sections, and its names. */
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

/* Calls `fn` for each name that the object exports or uses. */
typedef void (*symbol_fn)(void *context, const ElfW(Sym) * symbol, const char *name);
void elf_symbols_each(const char *path, symbol_fn fn, void *context);

/* True for a name that the object exports, other than `reel_plugin` and names that are reserved for
 * the implementation. */
bool symbol_is_export(const ElfW(Sym) * symbol, const char *name);

#endif
