/* object.h: a shared object as the dynamic loader has mapped it: its symbols, and the words in it
 * that the loader filled in with addresses (relocations).
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
    const ElfW(Rela) * tables[2]; /* of functions, and of all else */
    size_t bytes[2];
};

/* The object behind a handle of dlopen. False: this machine's objects are not understood. */
bool object_read(void *handle, struct object *ret);

/* The symbol that a relocation is about, and where its word lies. */
const ElfW(Sym) * object_symbol(const struct object *object, const ElfW(Rela) * entry);
void *object_word(const struct object *object, const ElfW(Rela) * entry);

#endif
