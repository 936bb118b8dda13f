/* plugin_file_test.c: the file that was read is the object that runs. */
#include "unit.h"

#include "engine/fold/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct plugin_file *opened(const char *path) {
    struct plugin_file *file;
    struct reel_error error;
    must_ok(plugin_file_open(path, &file, &error), error);
    return file;
}

static struct plugin *loaded(struct plugin_file *file) {
    struct plugin *plugin;
    struct reel_error error;
    must_ok(plugin_load_file(file, &plugin, &error), error);
    return plugin;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_file_that_is_replaced_after_it_was_opened_is_not_loaded(void **state) {
    (void)state;
    const char *path = path_in(scratch_directory(), "plugin.so");
    copy_over(CELL_SO, path);
    struct plugin_file *file = opened(path);
    assert_string_equal(file->note.name, "cell");
    copy_over(FORMATION_SO, path);
    struct plugin *plugin = loaded(file);
    assert_string_equal(plugin->declared->name, "cell");
    assert_string_equal(plugin->projectors[0].declared.collection, "cells");
    plugin_unload(plugin);
    plugin_file_unref(file);
}

static void a_file_that_is_replaced_while_it_runs_does_not_change_it(void **state) {
    (void)state;
    const char *path = path_in(scratch_directory(), "plugin.so");
    copy_over(CELL_SO, path);
    struct plugin *plugin;
    struct reel_error error;
    must_ok(plugin_load(path, &plugin, &error), error);
    must(truncate(path, 0) == 0); /* with a mapping of the file, the next access would be SIGBUS */
    struct reel_key key;
    if (plugin->projectors[0].declared.canonical_key)
        (void)plugin->projectors[0].declared.canonical_key(reel_text("a"), &key);
    assert_string_equal(plugin->declared->name, "cell");
    plugin_unload(plugin);
}

static void nobody_can_write_to_the_copy(void **state) {
    (void)state;
    struct plugin_file *file = opened(CELL_SO);
    assert_true(pwrite(file->fd, "x", 1, 0) < 0);
    assert_int_equal(errno, EPERM);
    assert_true(ftruncate(file->fd, 0) < 0);
    assert_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0) == MAP_FAILED);
    plugin_file_unref(file);
}

static void two_loads_of_one_file_are_one_object(void **state) {
    (void)state;
    struct plugin_file *file = opened(CELL_SO);
    struct plugin *one = loaded(file), *other = loaded(file);
    assert_true(one->declared == other->declared);
    plugin_unload(one);
    assert_string_equal(other->declared->name, "cell");
    plugin_unload(other);
    plugin_file_unref(file);
}

static void two_files_of_one_path_are_two_objects(void **state) {
    (void)state;
    struct plugin_file *file = opened(CELL_SO), *second = opened(CELL_SO);
    struct plugin *one = loaded(file), *other = loaded(second);
    assert_true(one->declared != other->declared);
    plugin_unload(one);
    plugin_unload(other);
    plugin_file_unref(file);
    plugin_file_unref(second);
}

/* For debuggers and for messages. */
static void the_object_has_the_path_of_the_file_as_its_name(void **state) {
    (void)state;
    char full[PATH_MAX];
    Dl_info info;
    must(realpath(CELL_SO, full) != NULL);
    struct plugin_file *file = opened(CELL_SO);
    struct plugin *plugin = loaded(file);
    must(dladdr(plugin->declared, &info) != 0);
    assert_string_equal(info.dli_fname, full);
    plugin_unload(plugin);
    plugin = loaded(file); /* once more, with the name given back in between */
    must(dladdr(plugin->declared, &info) != 0);
    assert_string_equal(info.dli_fname, full);
    plugin_unload(plugin);
    plugin_file_unref(file);
}

static void no_descriptor_is_left_open(void **state) {
    (void)state;
    struct plugin *plugin;
    struct reel_error error;
    int before = dup(0);
    close(before);
    for (int n = 0; n < 3; n++) {
        must_ok(plugin_load(CELL_SO, &plugin, &error), error);
        plugin_unload(plugin);
        assert_true(plugin_load(source_path("README.md"), &plugin, &error) < 0);
    }
    int after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

UNIT_TESTS(plugin_file_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_replaced_after_it_was_opened_is_not_loaded),
        cmocka_unit_test(a_file_that_is_replaced_while_it_runs_does_not_change_it),
        cmocka_unit_test(nobody_can_write_to_the_copy),
        cmocka_unit_test(two_loads_of_one_file_are_one_object),
        cmocka_unit_test(two_files_of_one_path_are_two_objects),
        cmocka_unit_test(the_object_has_the_path_of_the_file_as_its_name),
        cmocka_unit_test(no_descriptor_is_left_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
