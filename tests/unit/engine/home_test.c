/* home_test.c: a Reel's directory: making it, its lock, epochs, another log, backups. */
#include "unit.h"

#include "engine/controls.h"
#include "engine/home.h"
#include "engine/store/sync_support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

struct rig {
    struct store store;
    struct home home;
};

static int try_open(struct rig *rig, const char *directory, bool new_epoch,
                    struct reel_error *error) {
    struct home_options options = {
        .directory = directory, .map_bytes = 64 << 20, .readers_max = 8, .new_epoch = new_epoch};
    *rig = (struct rig){0};
    home_init(&rig->home, &rig->store);
    int rc = home_open(&rig->home, &options, error);
    if (rc < 0) home_close(&rig->home);
    return rc;
}

static void open_home(struct rig *rig, const char *directory) {
    struct reel_error error;
    must_ok(try_open(rig, directory, false, &error), error);
}

static void refused(const char *directory, int code, const char *part) {
    struct rig rig;
    struct reel_error error;
    int rc = try_open(&rig, directory, false, &error);
    if (rc != code) fail_msg("%d: %s", rc, rc < 0 ? error.text : "");
    assert_sentence(&error, "cannot open ");
    assert_sentence(&error, part);
}

static struct store_state state_of(struct rig *rig) {
    struct store_state state;
    must(store_begin(&rig->store, NULL) == 0);
    must(meta_get_state(&rig->store, &rig->store.writing, &state) == 0);
    store_abort(&rig->store);
    return state;
}

/* Appends, and commits in the store only if asked: else it is as after a crash between the two. */
static void append(struct rig *rig, uint64_t seq, bool in_store) {
    static const uint8_t hash[16] = {5};
    struct log *log = rig->home.place.log;
    struct reel_error error;
    struct log_entry entry = {.seq = seq,
                              .bytes = STR("{}"),
                              .size = 2,
                              .flags = LOG_SUBMITTED | LOG_ANSWERED,
                              .id_hash = hash,
                              .answer = {.key = STR("k"), .outcome = REEL_IGNORED}};
    must_ok(log_append(log, &entry, &error), error);
    log_describe(log, &entry);
    must_ok(log_commit(log, &error), error);
    log_keep(log);
    if (!in_store) return;
    struct store_state state = state_of(rig);
    must_ok(store_begin(&rig->store, &error), error);
    state.head = seq;
    home_put_mark(&rig->home, &state);
    must_ok(meta_put_state(&rig->store, &state, &error), error);
    store_commit(&rig->store, state.cursor);
}

static bool there_is(const char *directory, const char *name) {
    return access(path_in(directory, name), F_OK) == 0;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static void a_new_one_has_an_epoch_and_a_format(void **state) {
    (void)state;
    static const uint8_t none[16];
    const char *directory = path_in(scratch_directory(), "new");
    struct rig rig;
    open_home(&rig, directory);
    struct store_state found = state_of(&rig);
    assert_memory_not_equal(found.epoch, none, 16);
    assert_memory_equal(found.epoch, log_facts(rig.home.place.log)->epoch, 16);
    home_close(&rig.home);
    assert_true(there_is(directory, "FORMAT") && there_is(directory, "log"));
    assert_false(there_is(directory, "log.new") || there_is(directory, "state.new"));
    open_home(&rig, directory);
    assert_memory_equal(found.epoch, state_of(&rig).epoch, 16);
    home_close(&rig.home);
}

static void a_directory_in_use_is_refused(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct rig rig;
    open_home(&rig, directory);
    refused(directory, -EBUSY, "has it open");
    home_close(&rig.home);
    open_home(&rig, directory);
    home_close(&rig.home);
}

static void another_format_is_refused(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    int fd = open(path_in(directory, "FORMAT"), O_WRONLY | O_CREAT, 0600);
    must(fd >= 0 && write(fd, "9\n", 2) == 2);
    close(fd);
    refused(directory, -EPROTO, "its format is 9, this version reads 3");
}

/* Without it log/ and state/ would be taken for what an interrupted start has left. */
static void a_lost_format_is_refused_and_nothing_is_changed(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct rig rig;
    open_home(&rig, directory);
    append(&rig, 1, true);
    home_close(&rig.home);
    const char *kept = path_in(scratch_directory(), "kept");
    must(rename(path_in(directory, "FORMAT"), kept) == 0);
    refused(directory, -EPROTO, "FORMAT is missing: restore it");
    must(rename(path_in(directory, "state"), path_in(directory, "elsewhere")) == 0);
    refused(directory, -EPROTO, "FORMAT is missing: restore it");
    assert_false(there_is(directory, "log.new") || there_is(directory, "FORMAT"));
    close(open(path_in(directory, "FORMAT"), O_WRONLY | O_CREAT, 0600));
    refused(directory, -EPROTO, "FORMAT is empty: restore it");
    must(rename(kept, path_in(directory, "FORMAT")) == 0);
    must(rename(path_in(directory, "elsewhere"), path_in(directory, "state")) == 0);
    open_home(&rig, directory);
    assert_int_equal(state_of(&rig).head, 1);
    home_close(&rig.home);
}

static void a_refusal_says_what_to_do(void **state) {
    (void)state;
    static const char *const names[] = {"log", "state", "log/00000000000000000001.seg"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        const char *directory = scratch_directory();
        struct rig rig;
        struct reel_error error;
        open_home(&rig, directory);
        append(&rig, 1, true);
        home_close(&rig.home);
        must(rename(path_in(directory, names[i]), path_in(directory, "elsewhere")) == 0);
        assert_true(try_open(&rig, directory, false, &error) < 0);
        assert_sentence(&error, "put it back, or restore a backup");
    }
    const char *directory = scratch_directory();
    struct rig rig;
    open_home(&rig, directory);
    append(&rig, 1, true);
    home_close(&rig.home);
    must(truncate(path_in(directory, "log/00000000000000000001.seg"), 100) == 0);
    refused(directory, -EBADMSG, "nothing was changed; put back what is missing, or restore");
}

/* A new one in its place would have the records of those events only that the log still has. */
static void a_state_without_content_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *directory = scratch_directory(), *file = path_in(directory, "state/data.mdb");
        struct rig rig;
        open_home(&rig, directory);
        append(&rig, 1, true);
        home_close(&rig.home);
        must((i == 0 ? truncate(file, 0) : unlink(file)) == 0);
        refused(directory, -EBADMSG,
                i == 0 ? "data.mdb has no content; nothing was changed; put back"
                       : "data.mdb is missing; nothing was changed; put back");
    }
}

static void put_pipe(const char *directory, const char *name) {
    const char *path = path_in(directory, name);
    must(unlink(path) == 0 && mkfifo(path, 0600) == 0);
}

static void a_pipe_in_place_of_a_file_is_not_waited_for(void **state) {
    (void)state;
    static const char *const names[] = {"FORMAT", "log/00000000000000000001.seg", "state/data.mdb",
                                        "reel.lock"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        const char *directory = scratch_directory();
        struct rig rig;
        struct reel_error error;
        open_home(&rig, directory);
        home_close(&rig.home);
        put_pipe(directory, names[i]);
        assert_true(try_open(&rig, directory, false, &error) < 0);
        assert_sentence(&error, "cannot open ");
    }
}

static void making_one_goes_on_where_it_was_cut_short(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct rig rig;
    open_home(&rig, directory);
    append(&rig, 1, true);
    home_close(&rig.home);
    /* After FORMAT was written, in the midst of the renames. */
    must(rename(path_in(directory, "state"), path_in(directory, "state.new")) == 0);
    open_home(&rig, directory);
    assert_int_equal(state_of(&rig).head, 1);
    home_close(&rig.home);
    /* Before: all that is there is thrown away. */
    must(rename(path_in(directory, "state"), path_in(directory, "state.new")) == 0);
    must(rename(path_in(directory, "log"), path_in(directory, "log.new")) == 0);
    must(unlink(path_in(directory, "FORMAT")) == 0);
    open_home(&rig, directory);
    assert_int_equal(state_of(&rig).head, 0);
    home_close(&rig.home);
}

/* Opens in a child that may not write a file beyond `bytes`: the kernel ends it there. */
static void open_until(const char *directory, rlim_t bytes) {
    int status;
    pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        struct rig rig;
        struct reel_error error;
        struct rlimit limit = {bytes, bytes}, no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_DFL);
        _exit(try_open(&rig, directory, false, &error) == 0 ? 0 : 1);
    }
    must(waitpid(pid, &status, 0) == pid);
}

static void a_first_start_that_was_cut_off_is_made_good_by_the_next(void **state) {
    (void)state;
    for (rlim_t bytes = 1; bytes < 40000; bytes += 3000) {
        const char *directory = scratch_directory();
        struct rig rig;
        open_until(directory, bytes);
        open_home(&rig, directory);
        home_close(&rig.home);
        assert_false(there_is(directory, "log.new") || there_is(directory, "state.new"));
    }
}

/* Of the older format, as LMDB leaves it, or a power cut: nothing was ever committed in it. */
static void an_old_file_without_a_commit_has_nothing_to_convert(void **state) {
    (void)state;
    static const off_t sizes[] = {0, 100, 4096, 8192};
    for (size_t at = 0; at < LENGTH(sizes); at++) {
        const char *directory = scratch_directory(), *file = path_in(directory, "data.mdb");
        struct rig rig;
        must(close(open(file, O_WRONLY | O_CREAT, 0600)) == 0);
        must(truncate(file, sizes[at]) == 0);
        open_home(&rig, directory);
        home_close(&rig.home);
        assert_false(there_is(directory, "data.mdb"));
    }
}

static void a_store_behind_its_log_learns_what_it_lacks(void **state) {
    (void)state;
    static const uint8_t hash[16] = {5};
    const char *directory = scratch_directory();
    struct rig rig;
    struct reel_error error;
    uint64_t seqs[LOG_CANDIDATES];
    open_home(&rig, directory);
    append(&rig, 1, true);
    append(&rig, 2, false);
    home_close(&rig.home);
    open_home(&rig, directory);
    struct store_state found = state_of(&rig);
    assert_int_equal(found.head, 2);
    assert_int_equal(found.cursor, 0);
    assert_int_equal(log_find_id(rig.home.place.log, hash, seqs, &error), 2);
    assert_int_equal(seqs[0], 1);
    assert_int_equal(seqs[1], 2);
    home_close(&rig.home);
}

/* ---- Controls -------------------------------------------------------------------------------- */

static void add_control(struct rig *rig, enum log_control_kind kind, const char *collection,
                        uint64_t generation) {
    struct log_control control = {
        .kind = kind, .collection = reel_text(collection), .generation = generation};
    struct reel_error error;
    must_ok(log_add_control(rig->home.place.log, &control, &error), error);
    must_ok(log_commit(rig->home.place.log, &error), error);
    log_keep(rig->home.place.log);
}

static struct collection_control control_of(struct rig *rig, const char *collection) {
    struct collection_control control = {0};
    must(store_begin(&rig->store, NULL) == 0);
    int rc = meta_get_control(&rig->store, &rig->store.writing, collection, &control);
    store_abort(&rig->store);
    must(rc == 0 || rc == -ENOENT);
    return control;
}

static void controls_that_the_store_lacks_are_folded_once_and_in_order(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct rig rig;
    open_home(&rig, directory);
    add_control(&rig, LOG_PAUSED, "cells", 0);
    append(&rig, 1, true);
    add_control(&rig, LOG_GENERATION, "cells", 5);
    add_control(&rig, LOG_REBUILD, "formations", 0);
    add_control(&rig, LOG_PAUSED, "formations", 0);
    add_control(&rig, LOG_RESUMED, "formations", 0);
    home_close(&rig.home);
    open_home(&rig, directory);
    assert_int_equal(control_of(&rig, "cells").paused, 0); /* append has said that it has it */
    assert_int_equal(control_of(&rig, "cells").generation, 5);
    assert_int_equal(control_of(&rig, "formations").rebuild, 3);
    assert_int_equal(control_of(&rig, "formations").rebuild_met, 0);
    assert_int_equal(control_of(&rig, "formations").paused, 0);
    assert_int_equal(state_of(&rig).controls, 5);
    add_control(&rig, LOG_PAUSED, "formations", 0);
    home_close(&rig.home);
    open_home(&rig, directory);
    assert_int_equal(control_of(&rig, "formations").paused, 1);
    assert_int_equal(control_of(&rig, "formations").rebuild, 3);
    assert_int_equal(state_of(&rig).controls, 6);
    home_close(&rig.home);
}

static void a_control_without_a_good_name_is_refused(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct rig rig;
    open_home(&rig, directory);
    add_control(&rig, LOG_PAUSED, "", 0);
    home_close(&rig.home);
    refused(directory, -EBADMSG, "a control for a collection without a good name");
}

static void the_lineage_has_each_epoch_from_its_first_event_on(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct lineage_entry lineage[LINEAGE_MAX];
    struct reel_error error;
    struct rig rig;
    open_home(&rig, directory);
    append(&rig, 1, true);
    append(&rig, 2, false);
    struct store_state first = state_of(&rig);
    home_close(&rig.home);
    must_ok(try_open(&rig, directory, true, &error), error);
    struct store_state second = state_of(&rig);
    must(store_begin(&rig.store, NULL) == 0);
    assert_int_equal(meta_get_lineage(&rig.store, &rig.store.writing, lineage), 2);
    store_abort(&rig.store);
    assert_memory_equal(lineage[0].epoch, first.epoch, 16);
    assert_int_equal(lineage[0].from_seq, 1);
    assert_memory_equal(lineage[1].epoch, second.epoch, 16);
    assert_int_equal(lineage[1].from_seq, 3);
    home_close(&rig.home);
}

static void a_store_ahead_of_its_log_is_damage(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct rig rig;
    open_home(&rig, directory);
    append(&rig, 1, true);
    append(&rig, 2, true);
    home_close(&rig.home);
    const char *segment = path_in(directory, "log/00000000000000000001.seg");
    must(truncate(segment, 4096 + 512) == 0);
    refused(directory, -EBADMSG, "the state was committed when the log was synced up to");
}

static void state_and_log_of_two_directories_are_refused(void **state) {
    (void)state;
    const char *one = scratch_directory(), *other = scratch_directory();
    struct rig rig;
    open_home(&rig, one);
    home_close(&rig.home);
    open_home(&rig, other);
    home_close(&rig.home);
    must(rename(path_in(one, "state"), path_in(one, "kept")) == 0);
    must(rename(path_in(other, "state"), path_in(one, "state")) == 0);
    refused(one, -EBADMSG, "not the log");
}

/* ---- Epochs ---------------------------------------------------------------------------------- */

static void a_new_epoch_is_given_when_asked(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct rig rig;
    struct reel_error error;
    open_home(&rig, directory);
    append(&rig, 1, true);
    struct store_state before = state_of(&rig);
    home_close(&rig.home);
    must_ok(try_open(&rig, directory, true, &error), error);
    struct store_state after = state_of(&rig);
    assert_memory_not_equal(before.epoch, after.epoch, 16);
    assert_memory_equal(log_facts(rig.home.place.log)->epoch, after.epoch, 16);
    assert_int_equal(after.head, 1);
    home_close(&rig.home);
}

/* ---- Another log ----------------------------------------------------------------------------- */

static const struct store_origin origin = {.created_ns = 7, .stream_hash = {1}};
static const uint8_t other_epoch[16] = {9, 9};

/* The store's part of an adoption. */
static void commit_adoption(struct rig *rig) {
    struct store_state state = {.format = STORE_FORMAT, .first_seq = 50, .head = 49, .cursor = 49};
    memcpy(state.epoch, other_epoch, 16);
    must(checkpoint_all(&rig->store, NULL) == 0);
    must(store_begin(&rig->store, NULL) == 0);
    must(meta_empty(&rig->store, NULL) == 0);
    must(meta_put_origin(&rig->store, &origin, NULL) == 0);
    must(meta_put_state(&rig->store, &state, NULL) == 0);
    must(store_commit_durably(&rig->store, state.cursor, NULL) == 0);
}

static void assert_adopted(struct rig *rig) {
    const struct log_facts *facts = log_facts(rig->home.place.log);
    assert_memory_equal(facts->epoch, other_epoch, 16);
    assert_int_equal(facts->first_seq, 50);
    assert_int_equal(facts->mirrors, 1);
    assert_int_equal(log_head(rig->home.place.log), 49);
    append(rig, 50, true);
}

static void another_log_takes_the_place(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct log_facts facts = controls_facts(other_epoch, 50, &origin);
    struct rig rig;
    struct reel_error error;
    open_home(&rig, directory);
    append(&rig, 1, true);
    must_ok(home_adopt_prepare(&rig.home, &facts, &error), error);
    commit_adoption(&rig);
    must_ok(home_adopt_finish(&rig.home, &facts, &error), error);
    assert_adopted(&rig);
    home_close(&rig.home);
    assert_false(there_is(directory, "log.next") || there_is(directory, "log.old"));
    open_home(&rig, directory);
    assert_int_equal(state_of(&rig).head, 50);
    home_close(&rig.home);
}

static void an_adoption_cut_short_goes_on_or_never_was(void **state) {
    (void)state;
    for (int step = 0; step < 4; step++) {
        const char *directory = scratch_directory();
        struct log_facts facts = controls_facts(other_epoch, 50, &origin);
        struct rig rig;
        struct reel_error error;
        open_home(&rig, directory);
        append(&rig, 1, true);
        must_ok(home_adopt_prepare(&rig.home, &facts, &error), error);
        if (step > 0) commit_adoption(&rig);
        home_close(&rig.home);
        if (step > 1) must(rename(path_in(directory, "log"), path_in(directory, "log.old")) == 0);
        if (step > 2) must(rename(path_in(directory, "log.next"), path_in(directory, "log")) == 0);
        open_home(&rig, directory);
        if (step > 0)
            assert_adopted(&rig);
        else
            assert_int_equal(log_head(rig.home.place.log), 1);
        home_close(&rig.home);
        assert_false(there_is(directory, "log.next") || there_is(directory, "log.old"));
    }
}

/* ---- Backups --------------------------------------------------------------------------------- */

static void check_copy(const char *copy) {
    struct rig rig;
    struct reel_error error;
    refused(copy, -ESTALE, "it is a restored backup");
    must_ok(try_open(&rig, copy, true, &error), error);
    assert_int_equal(state_of(&rig).head, 2);
    assert_int_equal(state_of(&rig).is_backup, 0);
    home_close(&rig.home);
    open_home(&rig, copy); /* once is enough */
    home_close(&rig.home);
}

static void a_backup_needs_a_new_epoch(void **state) {
    (void)state;
    const char *directory = scratch_directory(), *copy = path_in(scratch_directory(), "copy");
    struct rig rig;
    struct reel_error error;
    open_home(&rig, directory);
    append(&rig, 1, true);
    append(&rig, 2, false); /* the log may be ahead */
    must_ok(home_backup(&rig.home, copy, &error), error);
    assert_int_equal(home_backup(&rig.home, copy, &error), -ENOTEMPTY);
    assert_sentence(&error, "it is not empty");
    check_copy(copy);
    copy = path_in(scratch_directory(), "copy");
    must_ok(home_backup_of(directory, copy, &error), error);
    check_copy(copy);
    home_close(&rig.home);
}

/* Else a power cut may take the whole copy, though it was said to be complete. */
static void a_backup_syncs_the_directory_that_it_is_in(void **state) {
    (void)state;
    const char *directory = scratch_directory(), *parent = scratch_directory();
    const char *copies[] = {path_in(parent, "of-open"), path_in(parent, "of-directory")};
    struct rig rig;
    struct reel_error error;
    open_home(&rig, directory);
    append(&rig, 1, true);
    for (size_t i = 0; i < LENGTH(copies); i++) {
        syncs_begin();
        if (i == 0)
            must_ok(home_backup(&rig.home, copies[i], &error), error);
        else
            must_ok(home_backup_of(directory, copies[i], &error), error);
        assert_true(was_synced(parent));
        assert_true(was_synced(copies[i]));
    }
    home_close(&rig.home);
}

/* Nor is a directory made for it. */
static void a_file_that_holds_nothing_is_not_copied(void **state) {
    (void)state;
    const char *directory = scratch_directory(), *copy = path_in(scratch_directory(), "copy");
    struct rig rig;
    struct reel_error error;
    open_home(&rig, directory);
    append(&rig, 1, true);
    home_close(&rig.home);
    must(truncate(path_in(directory, "state/data.mdb"), 0) == 0);
    assert_int_equal(home_backup_of(directory, copy, &error), -EBADMSG);
    assert_sentence(&error, "data.mdb has no content");
    assert_false(there_is(copy, "."));
}

static void half_a_backup_is_refused(void **state) {
    (void)state;
    const char *copy = path_in(scratch_directory(), "copy");
    struct rig rig;
    struct reel_error error;
    open_home(&rig, scratch_directory());
    append(&rig, 1, true);
    must_ok(home_backup(&rig.home, copy, &error), error);
    home_close(&rig.home);
    close(open(path_in(copy, "INCOMPLETE"), O_WRONLY | O_CREAT, 0600));
    refused(copy, -ESTALE, "it is an interrupted backup");
}

UNIT_TESTS(home_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_has_an_epoch_and_a_format),
        cmocka_unit_test(a_directory_in_use_is_refused),
        cmocka_unit_test(another_format_is_refused),
        cmocka_unit_test(a_lost_format_is_refused_and_nothing_is_changed),
        cmocka_unit_test(a_refusal_says_what_to_do),
        cmocka_unit_test(a_state_without_content_is_refused),
        cmocka_unit_test(a_pipe_in_place_of_a_file_is_not_waited_for),
        cmocka_unit_test(making_one_goes_on_where_it_was_cut_short),
        cmocka_unit_test(a_first_start_that_was_cut_off_is_made_good_by_the_next),
        cmocka_unit_test(an_old_file_without_a_commit_has_nothing_to_convert),
        cmocka_unit_test(a_store_behind_its_log_learns_what_it_lacks),
        cmocka_unit_test(controls_that_the_store_lacks_are_folded_once_and_in_order),
        cmocka_unit_test(a_control_without_a_good_name_is_refused),
        cmocka_unit_test(the_lineage_has_each_epoch_from_its_first_event_on),
        cmocka_unit_test(a_store_ahead_of_its_log_is_damage),
        cmocka_unit_test(state_and_log_of_two_directories_are_refused),
        cmocka_unit_test(a_new_epoch_is_given_when_asked),
        cmocka_unit_test(another_log_takes_the_place),
        cmocka_unit_test(an_adoption_cut_short_goes_on_or_never_was),
        cmocka_unit_test(a_backup_needs_a_new_epoch),
        cmocka_unit_test(a_backup_syncs_the_directory_that_it_is_in),
        cmocka_unit_test(a_file_that_holds_nothing_is_not_copied),
        cmocka_unit_test(half_a_backup_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
