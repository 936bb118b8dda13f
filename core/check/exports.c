/* exports.c: see exports.h. */
#include "check/exports.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- The file -------------------------------------------------------------------------------- */

bool elf_open(const char *path, struct elf_file *ret) {
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0 || (size_t)info.st_size < sizeof(ElfW(Ehdr))) return false;
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) return false;
    *ret = (struct elf_file){bytes, (size_t)info.st_size};
    return true;
}

void elf_close(struct elf_file *file) {
    munmap((void *)file->bytes, file->size);
}

static bool is_within(const struct elf_file *file, uint64_t at, uint64_t len) {
    return at <= file->size && len <= file->size - at;
}

bool elf_section(const struct elf_file *file, size_t n, ElfW(Shdr) * ret) {
    const ElfW(Ehdr) *elf = (const void *)file->bytes;
    if (elf->e_shentsize != sizeof *ret || n >= elf->e_shnum || !is_within(file, elf->e_shoff, 0) ||
        !is_within(file, elf->e_shoff + n * sizeof *ret, sizeof *ret))
        return false;
    memcpy(ret, file->bytes + elf->e_shoff + n * sizeof *ret, sizeof *ret);
    return ret->sh_type == SHT_NOBITS || is_within(file, ret->sh_offset, ret->sh_size);
}

/* ---- Names ----------------------------------------------------------------------------------- */

bool symbol_is_export(const ElfW(Sym) * symbol, const char *name) {
    unsigned type = symbol->st_info & 0xfU;
    return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS &&
           (type == STT_FUNC || type == STT_OBJECT || type == STT_GNU_IFUNC || type == STT_TLS) &&
           strcmp(name, "reel_plugin") != 0 && strncmp(name, "__", 2) != 0 &&
           strcmp(name, "_init") != 0 && strcmp(name, "_fini") != 0;
}

void elf_symbols_each(const char *path, symbol_fn fn, void *context) {
    struct elf_file file;
    ElfW(Shdr) table, names;
    ElfW(Sym) symbol;
    size_t n = 0;
    if (!elf_open(path, &file)) return;
    while (elf_section(&file, n, &table) && table.sh_type != SHT_DYNSYM) n++;
    bool found = elf_section(&file, n, &table) && elf_section(&file, table.sh_link, &names) &&
                 names.sh_type == SHT_STRTAB && names.sh_size > 0 &&
                 file.bytes[names.sh_offset + names.sh_size - 1] == '\0';
    for (size_t at = 0; found && at + sizeof symbol <= table.sh_size; at += sizeof symbol) {
        memcpy(&symbol, file.bytes + table.sh_offset + at, sizeof symbol);
        if (symbol.st_name < names.sh_size)
            fn(context, &symbol, file.bytes + names.sh_offset + symbol.st_name);
    }
    elf_close(&file);
}
