/* build_id_test.c: one build of a shared object is told from another, whatever its linker wrote. */
#include "unit.h"

#include "base/build_id.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct id {
    uint8_t bytes[BUILD_ID_BYTES];
};

static struct id id_of(const char *path) {
    static char bytes[8 << 20];
    struct id id;
    struct elf elf;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, bytes, sizeof bytes);
    must(fd >= 0 && len > 0 && elf_read(bytes, (size_t)len, &elf));
    close(fd);
    build_id_of(&elf, id.bytes);
    return id;
}

/* A copy of a file, with its note made into something else if `without` it. */
static const char *copied(const char *from, bool without) {
    static char bytes[8 << 20];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(in, bytes, sizeof bytes);
    must(in >= 0 && len > 0 && len < (ssize_t)sizeof bytes);
    close(in);
    /* Sizes of name and descriptor, the type 3, the name: what only a build ID begins with. */
    static const char note[] = "\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU";
    char *at = memmem(bytes, (size_t)len, note, sizeof note);
    if (without && at) at[8] = 0x7F;
    const char *to = path_in(scratch_directory(), "copy.so");
    int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    must(out >= 0 && write(out, bytes, (size_t)len) == len);
    close(out);
    return to;
}

static void builds_differ_and_copies_do_not(void **state) {
    (void)state;
    for (int without = 0; without < 2; without++) {
        struct id one = id_of(copied(CELL_SO, without));
        struct id again = id_of(copied(CELL_SO, without));
        struct id other = id_of(copied(FORMATION_SO, without));
        static const struct id unknown;
        assert_memory_equal(&one, &again, sizeof one);
        assert_memory_not_equal(&one, &other, sizeof one);
        assert_memory_not_equal(&one, &unknown, sizeof one);
    }
}

/* What `strip` removes is no part of the build. */
static void the_linkers_note_counts_where_there_is_one(void **state) {
    (void)state;
    const char *path = copied(CELL_SO, false);
    struct id before = id_of(path);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    must(fd >= 0 && write(fd, "more", 4) == 4);
    close(fd);
    struct id after = id_of(path), hashed = id_of(copied(CELL_SO, true));
    if (memcmp(&before, &hashed, sizeof before) == 0) skip(); /* this linker writes none */
    assert_memory_equal(&before, &after, sizeof before);
}

UNIT_TESTS(build_id_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_differ_and_copies_do_not),
        cmocka_unit_test(the_linkers_note_counts_where_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
