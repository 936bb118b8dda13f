/* elf_test.c: what is read from the file of a shared object, and that a damaged file does no harm.
 * tests/fuzz/fuzz_elf.c looks for more. */
#include "unit.h"

#include "base/elf.h"

#include <reel/note.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

/* The file of a plugin that ships; free() the bytes. */
static char *cell(size_t *ret_len) {
    struct support_text text = text_of_file(CELL_SO);
    *ret_len = text.len;
    return text.data;
}

/* Asks for everything; the sanitizers see a read beyond the bytes. */
static void look_at_all(const char *bytes, size_t len) {
    char *exact = malloc(len ? len : 1);
    struct elf elf;
    struct reel_str content;
    must(exact);
    memcpy(exact, bytes, len);
    if (elf_read(exact, len, &elf)) {
        (void)elf_is_whole(&elf);
        (void)elf_note(&elf, REEL_NOTE_OWNER, REEL_NOTE_TYPE, &content);
        (void)elf_note(&elf, ELF_NOTE_GNU, NT_GNU_BUILD_ID, &content);
        for (size_t n = 0; n < 4; n++) (void)elf_dynamic_text(&elf, DT_NEEDED, n);
        (void)elf_dynamic_text(&elf, DT_RUNPATH, 0);
    }
    free(exact);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void finds_the_note(void **state) {
    (void)state;
    size_t len;
    char *bytes = cell(&len);
    struct elf elf;
    struct reel_str content;
    struct reel_note note;
    must(elf_read(bytes, len, &elf));
    must(elf_note(&elf, REEL_NOTE_OWNER, REEL_NOTE_TYPE, &content));
    assert_int_equal(content.len, REEL_NOTE_CONTENT_SIZE);
    memcpy(&note.abi_major, content.data, content.len);
    assert_int_equal(note.abi_major, REEL_ABI_MAJOR);
    assert_int_equal(note.abi_minor, REEL_ABI_MINOR);
    assert_int_equal(note.kinds, REEL_KIND_PROJECTORS);
    assert_string_equal(note.name, "cell");
    assert_false(elf_note(&elf, REEL_NOTE_OWNER, REEL_NOTE_TYPE + 1, &content));
    assert_false(elf_note(&elf, "Ree", REEL_NOTE_TYPE, &content));
    free(bytes);
}

static void finds_the_libraries_that_are_needed(void **state) {
    (void)state;
    size_t len, count = 0; /* libc, or a sanitizer's, which brings libc */
    char *bytes = cell(&len);
    struct elf elf;
    must(elf_read(bytes, len, &elf));
    const char *name;
    for (; (name = elf_dynamic_text(&elf, DT_NEEDED, count)); count++)
        must(strncmp(name, "lib", 3) == 0 && strstr(name, ".so."));
    assert_true(count > 0);
    free(bytes);
}

static void refuses_what_is_not_an_object_of_this_machine(void **state) {
    (void)state;
    static const size_t places[] = {EI_MAG0, EI_CLASS, EI_DATA, offsetof(ElfW(Ehdr), e_type),
                                    offsetof(ElfW(Ehdr), e_phentsize)};
    size_t len;
    char *bytes = cell(&len);
    struct elf elf;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        bytes[places[i]] ^= 0x10;
        assert_false(elf_read(bytes, len, &elf));
        bytes[places[i]] ^= 0x10;
    }
    assert_true(elf_read(bytes, len, &elf));
    assert_false(elf_read(bytes, sizeof(ElfW(Ehdr)) - 1, &elf));
    assert_false(elf_read(NULL, 0, &elf));
    free(bytes);
}

static void a_file_that_is_cut_anywhere_is_read_without_harm(void **state) {
    (void)state;
    size_t len;
    char *bytes = cell(&len);
    for (size_t kept = 0; kept < 4096 && kept < len; kept++) look_at_all(bytes, kept);
    for (size_t kept = len > 64 ? len - 64 : 0; kept < len; kept++) look_at_all(bytes, kept);
    free(bytes);
}

/* In the head, the table of segments, and the notes behind it. */
static void a_byte_that_is_wrong_does_no_harm(void **state) {
    (void)state;
    size_t len;
    char *bytes = cell(&len);
    for (size_t at = 0; at < 1200 && at < len; at++) {
        static const char masks[] = {0x01, 0x10, (char)0x80, (char)0xff};
        for (size_t i = 0; i < sizeof masks; i++) {
            bytes[at] ^= masks[i];
            look_at_all(bytes, len);
            bytes[at] ^= masks[i];
        }
    }
    free(bytes);
}

/* A file that consists of nothing but notes without content takes bounded time. */
static void endless_notes_are_not_read_to_the_end(void **state) {
    (void)state;
    enum { SEGMENTS = 65535 };
    size_t len = sizeof(ElfW(Ehdr)) + SEGMENTS * sizeof(ElfW(Phdr)), source_len;
    char *source = cell(&source_len), *bytes = calloc(1, len);
    struct elf elf;
    struct reel_str content;
    must(bytes);
    memcpy(bytes, source, sizeof(ElfW(Ehdr)));
    ElfW(Ehdr) *head = (void *)bytes;
    head->e_phoff = sizeof *head;
    head->e_phnum = SEGMENTS;
    ElfW(Phdr) *segments = (void *)(head + 1);
    for (size_t i = 0; i < SEGMENTS; i++)
        segments[i] = (ElfW(Phdr)){
            .p_type = PT_NOTE, .p_offset = i % 2 ? 0 : (ElfW(Off)) - 1, .p_filesz = len};
    must(elf_read(bytes, len, &elf));
    assert_false(elf_note(&elf, REEL_NOTE_OWNER, REEL_NOTE_TYPE, &content));
    free(bytes);
    free(source);
}

UNIT_TESTS(elf_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_note),
        cmocka_unit_test(finds_the_libraries_that_are_needed),
        cmocka_unit_test(refuses_what_is_not_an_object_of_this_machine),
        cmocka_unit_test(a_file_that_is_cut_anywhere_is_read_without_harm),
        cmocka_unit_test(a_byte_that_is_wrong_does_no_harm),
        cmocka_unit_test(endless_notes_are_not_read_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
