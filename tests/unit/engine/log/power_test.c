/* power_test.c: power cuts, at every system call of a log that is written, rolled, sealed, trimmed,
 * taken back and opened again.
 *
 * A struct io notes what was done to each file since it was synced last, and to the directory since
 * that was. A cut makes a directory of its own: what was synced, any subset of the 512-byte sectors
 * that were not, and any subset of the names in any order. There the log must open, with every
 * group that was acknowledged and no half of another.
 *
 * That the test can fail is shown by leaving out each kind of sync in turn.
 */
#include "log_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 4096, NAMES_MAX = 16, OPS_MAX = 256, CUTS_PER_CALL = 1, GROUPS = 50 };

/* ---- The shadow of a disk -------------------------------------------------------------------- */

struct bytes {
    char *data;
    size_t len;
};

struct pending_write {
    uint64_t at;
    struct bytes bytes;
};

struct file {
    struct bytes durable;
    struct pending_write writes[OPS_MAX];
    size_t write_count;
    bool cut; /* O_TRUNC, not synced */
};

struct name {
    char text[40];
    int file; /* -1: none of that name */
};

struct name_op {
    struct name names[2]; /* what is so after it; the second may be unused */
    size_t count;
};

static struct disk {
    struct file *files[FILES_MAX];
    size_t file_count;
    int open[1024]; /* descriptor: file */
    struct name names[NAMES_MAX * 8], durable_names[NAMES_MAX * 8];
    size_t name_count, durable_count;
    struct name_op ops[OPS_MAX];
    size_t op_count;
} disk;

enum fault { NO_FAULT, FAULT_FRAME, FAULT_HEADER, FAULT_SEALED, FAULT_DIRECTORY };
static enum fault fault;

/* What the test knows of the log at this moment. */
static uint64_t acknowledged, offered, floor_kept, random_state;
static size_t cuts, bad_cuts;
static bool cutting;
static char first_bad[256];

static struct name *find_name(struct name *names, size_t *count, const char *text) {
    for (size_t i = 0; i < *count; i++)
        if (strcmp(names[i].text, text) == 0) return &names[i];
    must(*count < NAMES_MAX * 8);
    struct name *name = &names[(*count)++];
    snprintf(name->text, sizeof name->text, "%s", text);
    name->file = -1;
    return name;
}

static void set_name(struct name *names, size_t *count, const struct name *to) {
    find_name(names, count, to->text)->file = to->file;
}

static void note_names(const struct name_op *op) {
    must(disk.op_count < OPS_MAX);
    for (size_t i = 0; i < op->count; i++) set_name(disk.names, &disk.name_count, &op->names[i]);
    disk.ops[disk.op_count++] = *op;
}

static struct name named(const char *text, int file) {
    struct name name = {.file = file};
    snprintf(name.text, sizeof name.text, "%s", text);
    return name;
}

/* ---- A cut ----------------------------------------------------------------------------------- */

static void cut_at(struct bytes *to, uint64_t len) {
    if (to->len > len) to->len = len;
}

static void put_at(struct bytes *to, uint64_t at, const char *from, size_t len) {
    if (at + len > to->len) {
        to->data = realloc(to->data, at + len);
        memset(to->data + to->len, 0, at + len - to->len);
        to->len = at + len;
    }
    memcpy(to->data + at, from, len);
}

/* Any of the sectors that were not synced may be there. */
static struct bytes left_of(const struct file *file) {
    struct bytes left = {0};
    bool gone = file->cut && random_below(&random_state, 2);
    if (file->durable.len > 0 && !gone) put_at(&left, 0, file->durable.data, file->durable.len);
    size_t chance = random_below(&random_state, 4); /* few of them, or many */
    for (size_t i = 0; i < file->write_count; i++) {
        const struct pending_write *pending = &file->writes[i];
        if (pending->bytes.len == 0 && random_below(&random_state, 2)) cut_at(&left, pending->at);
        for (size_t at = 0; at < pending->bytes.len; at += FRAME_UNIT) {
            size_t len = pending->bytes.len - at;
            if (random_below(&random_state, 4) < chance) continue;
            put_at(&left, pending->at + at, pending->bytes.data + at,
                   len < FRAME_UNIT ? len : FRAME_UNIT);
        }
    }
    return left;
}

static void write_left(const char *directory, const struct name *name) {
    struct bytes left = left_of(disk.files[name->file]);
    int fd = open(path_in(directory, name->text), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(fd >= 0 && (left.len == 0 || write(fd, left.data, left.len) == (ssize_t)left.len));
    close(fd);
    free(left.data);
}

static void write_cut(const char *directory) {
    static struct name names[NAMES_MAX * 8];
    size_t count = disk.durable_count, order[OPS_MAX];
    memcpy(names, disk.durable_names, sizeof names);
    for (size_t i = 0; i < disk.op_count; i++) order[i] = i;
    for (size_t i = disk.op_count; i > 1; i--) {
        size_t other = random_below(&random_state, i), kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
    for (size_t i = 0; i < disk.op_count; i++) {
        const struct name_op *op = &disk.ops[order[i]];
        if (random_below(&random_state, 2)) continue;
        for (size_t n = 0; n < op->count; n++) set_name(names, &count, &op->names[n]);
    }
    for (size_t i = 0; i < count; i++)
        if (names[i].file >= 0) write_left(directory, &names[i]);
}

/* ---- What must be true of it ----------------------------------------------------------------- */

static int no_sync(int fd) {
    (void)fd;
    return 0;
}

static int no_push(int fd, uint64_t at, uint64_t len) {
    (void)fd, (void)at, (void)len;
    return 0;
}

static struct log *open_left(const char *directory, struct reel_error *error) {
    static struct io unsynced;
    unsynced = io_system;
    unsynced.sync = unsynced.sync_directory = no_sync;
    unsynced.push = no_push;
    struct log_options options = opened_with;
    struct log *log;
    options.directory = directory;
    options.io = &unsynced;
    return log_open(&options, &log, error) < 0 ? NULL : log;
}

static bool has_just(struct log *log, uint64_t first, uint64_t last) {
    struct log_walk walk;
    struct log_entry entry;
    struct log_pin *pin = log_pin(log);
    uint64_t seq = first;
    int rc;
    log_walk_start(&walk, pin, first, UINT64_MAX);
    while ((rc = log_next(&walk, &entry, NULL)) > 0 && entry.seq == seq) seq++;
    log_walk_finish(&walk);
    log_unpin(pin);
    return rc == 0 && seq == last + 1;
}

/* NULL, or what is wrong. */
static const char *look_at(const char *directory, struct reel_error *error) {
    struct log *log = open_left(directory, error);
    if (!log) return "it does not open";
    uint64_t head = log_head(log), floor = log_facts(log)->first_seq;
    const char *wrong = NULL;
    error->text[0] = '\0';
    if (head != acknowledged && head != offered) wrong = "it has not just whole groups";
    if (floor < floor_kept) wrong = "it has forgotten its floor";
    if (!wrong && !has_just(log, floor, head)) wrong = "an event is missing";
    if (!wrong && try_append(log, head + 1, 2, 700) < 0) wrong = "it cannot be gone on with";
    crash(log);
    if (wrong) return wrong;
    log = open_left(directory, error);
    if (!log) return "it does not open a second time";
    if (!has_just(log, floor, head + 2)) wrong = "an event is missing the second time";
    crash(log);
    return wrong;
}

static void empty(const char *directory) {
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    while ((entry = readdir(dir))) (void)unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}

static void cut(void) {
    static const char *directory;
    if (cutting) return;
    cutting = true; /* what follows is not of this disk */
    if (!directory) directory = scratch_directory();
    for (int i = 0; i < CUTS_PER_CALL; i++) {
        struct reel_error error = {0};
        write_cut(directory);
        const char *wrong = look_at(directory, &error);
        cuts++;
        if (wrong && bad_cuts++ == 0)
            snprintf(first_bad, sizeof first_bad, "cut %zu: %s: %.150s", cuts, wrong, error.text);
        empty(directory); /* also of what the look has made */
    }
    cutting = false;
}

/* ---- The recording io ------------------------------------------------------------------------ */

static int shadow_open(int directory, const char *name, int flags) {
    int fd = io_system.open(directory, name, flags);
    if (fd < 0 || cutting) return fd;
    struct name *known = find_name(disk.names, &disk.name_count, name);
    if (known->file < 0) {
        must(disk.file_count < FILES_MAX);
        disk.files[disk.file_count] = calloc(1, sizeof(struct file));
        struct name_op op = {.names = {named(name, (int)disk.file_count++)}, .count = 1};
        note_names(&op);
        known = find_name(disk.names, &disk.name_count, name);
    } else if (flags & O_TRUNC) {
        struct file *file = disk.files[known->file];
        file->cut = true;
        file->write_count = 0;
    }
    disk.open[fd] = known->file;
    return fd;
}

static ssize_t shadow_write(int fd, const void *bytes, size_t len, uint64_t at) {
    cut();
    struct file *file = disk.files[disk.open[fd]];
    must(file->write_count < OPS_MAX);
    struct pending_write *pending = &file->writes[file->write_count++];
    *pending = (struct pending_write){.at = at, .bytes = {malloc(len), len}};
    memcpy(pending->bytes.data, bytes, len);
    return io_system.write(fd, bytes, len, at);
}

static void make_durable(struct file *file) {
    if (file->cut) file->durable.len = 0;
    file->cut = false;
    for (size_t i = 0; i < file->write_count; i++) {
        struct pending_write *pending = &file->writes[i];
        if (pending->bytes.len == 0)
            cut_at(&file->durable, pending->at);
        else
            put_at(&file->durable, pending->at, pending->bytes.data, pending->bytes.len);
        free(pending->bytes.data);
    }
    file->write_count = 0;
}

/* Which kind of file it is, by the name that it has now. */
static enum fault kind_of(int file) {
    for (size_t i = 0; i < disk.name_count; i++) {
        if (disk.names[i].file != file) continue;
        if (strcmp(disk.names[i].text, "spare") == 0) return FAULT_HEADER;
        return strstr(disk.names[i].text, ".tmp") ? FAULT_SEALED : FAULT_FRAME;
    }
    return NO_FAULT;
}

static int shadow_sync(int fd) {
    cut();
    if (fault == NO_FAULT || kind_of(disk.open[fd]) != fault)
        make_durable(disk.files[disk.open[fd]]);
    return 0;
}

static int shadow_sync_directory(int fd) {
    (void)fd;
    cut();
    if (fault == FAULT_DIRECTORY) return 0;
    memcpy(disk.durable_names, disk.names, sizeof disk.names);
    disk.durable_count = disk.name_count;
    disk.op_count = 0;
    return 0;
}

static int shadow_rename(int directory, const char *from, const char *to) {
    cut();
    int file = find_name(disk.names, &disk.name_count, from)->file;
    struct name_op op = {.names = {named(to, file), named(from, -1)}, .count = 2};
    note_names(&op);
    return io_system.rename(directory, from, to);
}

static int shadow_unlink(int directory, const char *name) {
    cut();
    if (find_name(disk.names, &disk.name_count, name)->file >= 0) {
        struct name_op op = {.names = {named(name, -1)}, .count = 1};
        note_names(&op);
    }
    return io_system.unlink(directory, name);
}

static int shadow_link(int directory, const char *from, const char *to) {
    cut();
    int file = find_name(disk.names, &disk.name_count, from)->file;
    struct name_op op = {.names = {named(to, file)}, .count = 1};
    note_names(&op);
    return io_system.link(directory, from, to);
}

/* A write of length 0. */
static int shadow_truncate(int fd, uint64_t len) {
    cut();
    struct file *file = disk.files[disk.open[fd]];
    must(file->write_count < OPS_MAX);
    file->writes[file->write_count++] = (struct pending_write){.at = len};
    return io_system.truncate(fd, len);
}

static const struct io shadow_io = {
    .open = shadow_open,
    .write = shadow_write,
    .sync = shadow_sync,
    .sync_directory = shadow_sync_directory,
    .rename = shadow_rename,
    .unlink = shadow_unlink,
    .link = shadow_link,
    .truncate = shadow_truncate,
    .push = no_push,
};

static void disk_free(void) {
    for (size_t i = 0; i < disk.file_count; i++) {
        make_durable(disk.files[i]);
        free(disk.files[i]->durable.data);
        free(disk.files[i]);
    }
    disk = (struct disk){0};
}

/* ---- What is done meanwhile ------------------------------------------------------------------ */

static void write_group(struct log *log, uint64_t *random) {
    size_t count = 1 + random_below(random, 5), bytes = random_below(random, 900);
    struct reel_error error;
    char content[1000] = "";
    memset(content, 'x', bytes);
    offered = acknowledged + count;
    for (size_t i = 1; i <= count; i++) {
        struct log_entry entry = entry_of(acknowledged + i, content, NULL, NULL);
        gather(log, &entry);
    }
    must_ok(log_commit(log, &error), error);
    if (random_below(random, 8) == 0) { /* an answer that it has not happened comes after this */
        must_ok(log_undo(log, &error), error);
        offered = acknowledged;
        return;
    }
    log_keep(log);
    acknowledged = offered;
}

static void raise_floor(struct log *log) {
    struct log_facts facts = *log_facts(log);
    struct reel_error error;
    if (acknowledged < 40) return;
    facts.first_seq = acknowledged - 30;
    must_ok(log_set_facts(log, &facts, &error), error);
    must_ok(log_commit(log, &error), error);
    log_keep(log);
    floor_kept = facts.first_seq;
    log_trim(log);
}

static void live(uint64_t seed) {
    const char *directory = scratch_directory();
    struct log_facts facts = {.first_seq = 1};
    struct reel_error error;
    uint64_t random = random_state = seed;
    acknowledged = offered = floor_kept = cuts = bad_cuts = 0;
    must_ok(log_create(directory, &facts, 0, NULL, &error), error);
    disk_free();
    int fd = open(directory, O_DIRECTORY | O_RDONLY);
    close(shadow_open(fd, "00000000000000000001.seg", O_RDWR));
    char page[SEGMENT_PAGE];
    const char *path = path_in(directory, "00000000000000000001.seg");
    FILE *first = fopen(path, "r");
    must(first && fread(page, sizeof page, 1, first) == 1);
    fclose(first);
    put_at(&disk.files[0]->durable, 0, page, sizeof page);
    memcpy(disk.durable_names, disk.names, sizeof disk.names);
    disk.durable_count = disk.name_count;
    disk.op_count = 0;
    opened_with.io = &shadow_io;
    struct log *log = opened(directory);
    for (int i = 0; i < GROUPS; i++) {
        write_group(log, &random);
        if (random_below(&random, 4) == 0) log_help(log);
        if (random_below(&random, 6) == 0) seal_all(log);
        if (random_below(&random, 10) == 0) raise_floor(log);
        if (random_below(&random, 20) == 0) {
            if (random_below(&random, 2))
                crash(log); /* of the process: the disk has it all */
            else
                log_close(log);
            log = opened(directory);
        }
    }
    log_close(log);
    close(fd);
    opened_with.io = &failing_io;
    disk_free();
}

static void a_power_cut_at_any_call_loses_nothing(void **state) {
    (void)state;
    fault = NO_FAULT;
    for (uint64_t seed = 1; seed <= scaled(12); seed++) {
        test_context("seed %llu", (unsigned long long)seed);
        live(seed);
        assert_true(cuts > 100);
        if (bad_cuts > 0) fail_msg("%zu of %zu: %s", bad_cuts, cuts, first_bad);
    }
}

static void every_sync_that_is_left_out_is_noticed(void **state) {
    (void)state;
    for (fault = FAULT_FRAME; fault <= FAULT_DIRECTORY; fault++) {
        test_context("fault %d", fault);
        live(1);
        assert_true(bad_cuts > 0);
    }
    fault = NO_FAULT;
}

UNIT_TESTS(power_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_cut_at_any_call_loses_nothing),
        cmocka_unit_test(every_sync_that_is_left_out_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
