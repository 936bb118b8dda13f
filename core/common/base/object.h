/* object.h: a shared object as the dynamic loader has mapped it: its symbols, and the words that
 * the loader has filled in with addresses (relocations).
 */
#ifndef REEL_BASE_OBJECT_H
#define REEL_BASE_OBJECT_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>

struct object {
    ElfW(Addr) base;
    const ElfW(Sym) * symbols;
    const char *names;
    const ElfW(Rela) * tables[2]; /* for functions, and for everything else */
    size_t bytes[2];
};

/* Reads the object behind a handle of dlopen. False: the objects of this machine are not
 * supported. */
bool object_read(void *handle, struct object *ret);

/* The symbol of a relocation, and the address of its word. */
const ElfW(Sym) * object_symbol(const struct object *object, const ElfW(Rela) * entry);
void *object_word(const struct object *object, const ElfW(Rela) * entry);

#endif
