/* fuzz_elf.c: files of shared objects (common/base/elf.h), which the host reads before it trusts
 * them.
 *
 * The input is written over the beginning of a small object that is in order, so that most inputs
 * get beyond the first check; and it is read as it is. What is found must be within the bytes.
 */
#include "fuzz.h"

#include "base/build_id.h"

#include <reel/note.h>

#include <elf.h>

static void check_within(const struct elf *elf, const char *at, size_t len) {
    check(at >= elf->bytes && len <= elf->size && at <= elf->bytes + elf->size - len,
          "it leads out of the file");
}

static void check_object(const uint8_t *bytes, size_t size) {
    static const int64_t tags[] = {DT_NEEDED, DT_RUNPATH, DT_RPATH, DT_SONAME};
    struct elf elf;
    struct reel_str content;
    uint8_t id[BUILD_ID_BYTES];
    const char *text;
    uint8_t *exact = malloc(size ? size : 1);
    check(exact != NULL, "out of memory");
    if (size) memcpy(exact, bytes, size);
    if (elf_read(exact, size, &elf)) {
        (void)elf_is_whole(&elf);
        if (elf_note(&elf, REEL_NOTE_OWNER, REEL_NOTE_TYPE, &content))
            check_within(&elf, content.data, content.len);
        for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
            for (size_t n = 0; n < 8 && (text = elf_dynamic_text(&elf, tags[i], n)); n++)
                check_within(&elf, text, strlen(text) + 1);
        build_id_of(&elf, id);
    }
    free(exact);
}

/* A head, one segment of each kind, a note, a dynamic section with its strings. */
static struct object {
    ElfW(Ehdr) head;
    ElfW(Phdr) segments[3];
    struct reel_note note;
    uint32_t padding;
    ElfW(Dyn) entries[4];
    char strings[16];
} good;

#define SEGMENT(kind, member)                                                                      \
    {                                                                                              \
        .p_type = (kind), .p_offset = offsetof(struct object, member),                             \
        .p_vaddr = offsetof(struct object, member), .p_filesz = sizeof good.member, .p_align = 4   \
    }

static void make_good(void) {
    static const char self[] = "/proc/self/exe";
    FILE *file = fopen(self, "rb");
    check(file && fread(&good.head, sizeof good.head, 1, file) == 1, "cannot read this program");
    fclose(file);
    good.head.e_type = ET_DYN;
    good.head.e_phoff = offsetof(struct object, segments);
    good.head.e_phnum = 3;
    const ElfW(Phdr) segments[] = {
        {.p_type = PT_LOAD, .p_filesz = sizeof good},
        SEGMENT(PT_NOTE, note),
        SEGMENT(PT_DYNAMIC, entries),
    };
    memcpy(good.segments, segments, sizeof segments);
    good.note = (struct reel_note){sizeof REEL_NOTE_OWNER,
                                   REEL_NOTE_CONTENT_SIZE,
                                   REEL_NOTE_TYPE,
                                   REEL_NOTE_OWNER,
                                   1,
                                   0,
                                   1,
                                   "name",
                                   "1"};
    memcpy(good.strings, "\0libc.so.6", 11);
    const ElfW(Dyn) entries[] = {{DT_NEEDED, {1}},
                                 {DT_STRTAB, {offsetof(struct object, strings)}},
                                 {DT_STRSZ, {sizeof good.strings}},
                                 {DT_NULL, {0}}};
    memcpy(good.entries, entries, sizeof entries);
}

/* Writes pieces of the input over the object: each begins with two bytes that say where. */
static void check_damaged(const uint8_t *data, size_t size) {
    struct object object = good;
    uint8_t *bytes = (uint8_t *)&object;
    for (size_t at = 0; at + 4 <= size && at < 64; at += 4) {
        size_t place = (data[at] | (size_t)data[at + 1] << 8) % (sizeof object - 1);
        bytes[place] = data[at + 2];
        bytes[place + 1] = data[at + 3];
    }
    check_object(bytes, size % 7 ? sizeof object : size % sizeof object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct elf elf;
    struct reel_str content;
    if (!good.head.e_phnum) {
        make_good();
        check(elf_read(&good, sizeof good, &elf), "the good object is refused");
        check(elf_note(&elf, REEL_NOTE_OWNER, REEL_NOTE_TYPE, &content), "its note is not found");
        const char *needed = elf_dynamic_text(&elf, DT_NEEDED, 0);
        check(needed && strcmp(needed, "libc.so.6") == 0, "its library is not found");
    }
    check_object(data, size);
    check_damaged(data, size);
    return 0;
}
