/* build_id.c: see build_id.h. */
#include "base/build_id.h"

#include "base/fnv.h"

#include <elf.h>

void build_id_of(const struct elf *elf, uint8_t ret[BUILD_ID_BYTES]) {
    struct reel_str id;
    memset(ret, 0, BUILD_ID_BYTES);
    if (elf_note(elf, ELF_NOTE_GNU, NT_GNU_BUILD_ID, &id) && id.len > 0) {
        memcpy(ret, id.data, id.len < BUILD_ID_BYTES ? id.len : BUILD_ID_BYTES);
        return;
    }
    uint64_t hash = fnv_add(FNV_BEGIN, elf->bytes, elf->size);
    memcpy(ret, &hash, sizeof hash);
}
