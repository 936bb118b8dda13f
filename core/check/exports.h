/* exports.h: the file of a shared object: its sections, and the names that it exports. */
#ifndef REEL_CHECK_EXPORTS_H
#define REEL_CHECK_EXPORTS_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>

struct elf_file {
    const char *bytes;
    size_t size;
};

/* False: it cannot be read, or is none. */
bool elf_open(const char *path, struct elf_file *ret);
void elf_close(struct elf_file *file);

/* The n-th section, whose bytes lie within the file unless it is SHT_NOBITS; false: there is none.
 */
bool elf_section(const struct elf_file *file, size_t n, ElfW(Shdr) * ret);

/* Each name that the object exports, except `reel_plugin`, those reserved for the implementation,
 * and those that objects share by design (weak ones, as of C++'s templates). */
void exports_each(const char *path, void (*fn)(void *context, const char *name), void *context);

#endif
