/* plugin_test.c: how a plugin's file is found. What is refused in it: tests/abi/loader_test.c. */
#include "unit.h"

#include "engine/fold/plugin.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void change_to(const char *directory) {
    must(chdir(directory) == 0);
}

static void assert_refused(const char *path, int code, const char *part) {
    struct plugin *plugin = NULL;
    struct reel_error error;
    assert_int_equal(plugin_load(path, &plugin, &error), code);
    assert_null(plugin);
    assert_sentence(&error, part);
    assert_sentence(&error, "cannot load ");
}

/* dlopen alone would look for it in the system's directories. */
static void a_name_without_a_slash_is_a_file_here(void **state) {
    (void)state;
    struct plugin *plugin = NULL;
    struct reel_error error;
    change_to(build_path("plugins/cell"));
    must_ok(plugin_load("cell.so", &plugin, &error), error);
    assert_string_equal(plugin->file->path, "cell.so");
    assert_string_equal(plugin->declared->name, "cell");
    assert_true(plugin->projector_count >= 1);
    plugin_unload(plugin);
}

static void a_file_is_the_same_under_every_name(void **state) {
    (void)state;
    struct plugin *a = NULL, *b = NULL;
    struct reel_error error;
    change_to(build_path("plugins/cell"));
    must_ok(plugin_load("cell.so", &a, &error), error);
    must_ok(plugin_load("../cell/cell.so", &b, &error), error);
    assert_true(a->file->device == b->file->device && a->file->inode == b->file->inode);
    plugin_unload(a);
    plugin_unload(b);
}

static void an_absent_file_is_told(void **state) {
    (void)state;
    change_to(scratch_directory());
    assert_refused("cell.so", -ENOENT, "cell.so: no such file");
    assert_refused("libc.so.6", -ENOENT, "no such file"); /* of the system's, but not here */
}

static void a_file_that_is_not_a_shared_object_is_refused_with_a_sentence(void **state) {
    (void)state;
    change_to(scratch_directory());
    int fd = open("text.so", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, "text", 4) == 4);
    close(fd);
    must(mkfifo("fifo.so", 0600) == 0 && mkdir("directory.so", 0700) == 0);
    assert_refused("text.so", -ENOEXEC, "it is not a shared object");
    assert_refused("fifo.so", -ENOEXEC, "it is not a shared object");
    assert_refused("directory.so", -ENOEXEC, "it is not a shared object");
}

static void nothing_can_be_unloaded(void **state) {
    (void)state;
    plugin_unload(NULL);
}

UNIT_TESTS(plugin_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_without_a_slash_is_a_file_here),
        cmocka_unit_test(a_file_is_the_same_under_every_name),
        cmocka_unit_test(an_absent_file_is_told),
        cmocka_unit_test(a_file_that_is_not_a_shared_object_is_refused_with_a_sentence),
        cmocka_unit_test(nothing_can_be_unloaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
