/* object.c: see object.h. */
#include "base/object.h"

#include <dlfcn.h>

#if __ELF_NATIVE_CLASS == 64
#define SYMBOL_OF(info) ELF64_R_SYM(info)
#else
#define SYMBOL_OF(info) ELF32_R_SYM(info)
#endif

/* On some machines, the loader has already replaced relative values by addresses. */
static const void *address(const struct link_map *map, const ElfW(Dyn) * entry) {
    ElfW(Addr) at = entry->d_un.d_ptr;
    return (const void *)(at < map->l_addr ? at + map->l_addr : at);
}

bool object_read(void *handle, struct object *ret) {
    struct link_map *map;
    bool understood = true;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0) return false;
    *ret = (struct object){.base = map->l_addr};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_SYMTAB:
            ret->symbols = address(map, entry);
            break;
        case DT_STRTAB:
            ret->names = address(map, entry);
            break;
        case DT_JMPREL:
            ret->tables[0] = address(map, entry);
            break;
        case DT_PLTRELSZ:
            ret->bytes[0] = entry->d_un.d_val;
            break;
        case DT_RELA:
            ret->tables[1] = address(map, entry);
            break;
        case DT_RELASZ:
            ret->bytes[1] = entry->d_un.d_val;
            break;
        case DT_PLTREL:
            understood = understood && entry->d_un.d_val == DT_RELA;
            break;
        case DT_REL:
            understood = false;
            break;
        default:
            break;
        }
    }
    return understood && ret->symbols && ret->names;
}

const ElfW(Sym) * object_symbol(const struct object *object, const ElfW(Rela) * entry) {
    return &object->symbols[SYMBOL_OF(entry->r_info)];
}

void *object_word(const struct object *object, const ElfW(Rela) * entry) {
    return (void *)(object->base + entry->r_offset);
}
