/* corpus_of_segments.c: writes segment files to begin fuzz_segment with.
 *
 *     corpus_of_segments DIRECTORY
 *
 * One that is empty, raw ones with each kind of entry, and sealed ones; each once with the byte
 * before it by which its checksums are made right.
 */
#include "engine/log/copy.h"
#include "engine/log/log.h"
#include "engine/log/log_private.h"
#include "engine/log/place.h"
#include "engine/log/verify.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void must(int good, const char *what) {
    if (good) return;
    fprintf(stderr, "corpus_of_segments: %s\n", what);
    exit(1);
}

static void copy(const char *from, const char *to_directory, const char *name, char first) {
    static char bytes[1 << 20];
    char path[1024];
    FILE *file = fopen(from, "r");
    must(file != NULL, from);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    while (len > SEGMENT_PAGE + FRAME_UNIT && bytes[len - 1] == 0) len--; /* few zeros will do */
    snprintf(path, sizeof path, "%s/%s-%d", to_directory, name, first);
    file = fopen(path, "w");
    must(file && fputc(first, file) != EOF && fwrite(bytes, len, 1, file) == 1, path);
    must(fclose(file) == 0, path);
}

static void copy_all(const char *directory, const char *to_directory, const char *prefix) {
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    must(dir != NULL, directory);
    while ((entry = readdir(dir))) {
        char from[1024], name[300];
        if (!strstr(entry->d_name, ".seg")) continue;
        snprintf(from, sizeof from, "%s/%s", directory, entry->d_name);
        snprintf(name, sizeof name, "%s-%.20s", prefix, entry->d_name);
        copy(from, to_directory, name, 0);
        copy(from, to_directory, name, 1);
    }
    closedir(dir);
}

static struct reel_str str(const char *text) {
    return (struct reel_str){text, strlen(text)};
}

static void put(struct log *log, uint64_t seq) {
    static const char event[] = "{\"type\":\"a.b\",\"subject\":\"s\",\"data\":[1,2,3,4,5,6,7,8]}";
    static const uint8_t hash[16] = {1, 2, 3};
    struct log_entry entry = {
        .seq = seq, .time_ns = 5, .bytes = str(event), .size = sizeof event - 1};
    struct reel_error error;
    if (seq % 3 == 0) {
        entry.flags = LOG_SUBMITTED | LOG_ANSWERED;
        entry.id_hash = hash;
        entry.answer =
            (struct log_answer){.key = str("key"), .principal = str("who"), .has_record = true};
    }
    if (seq % 5 == 0) entry.flags |= LOG_SET_ASIDE;
    if (seq % 5 == 0) entry.set_aside = str("cells");
    if (seq % 7 == 0) entry.nats_subject = str("a.b");
    must(log_append(log, &entry, &error) == 0, "log_append");
    entry.type = str("a.b");
    entry.subject = str("s");
    log_describe(log, &entry);
}

static void put_controls(struct log *log) {
    struct log_control control = {.collection = str("cells"), .generation = 7};
    struct reel_error error;
    for (int kind = LOG_PAUSED; kind <= LOG_EMPTIED; kind++) {
        control.kind = (enum log_control_kind)kind;
        must(log_add_control(log, &control, &error) == 0, "log_add_control");
    }
    must(log_set_facts(log, log_facts(log), &error) == 0, "log_set_facts");
}

static void commit(struct log *log) {
    struct reel_error error;
    must(log_commit(log, &error) == 0, error.text);
    log_keep(log);
}

int main(int argc, char **argv) {
    char directory[] = "/tmp/corpus_of_segments.XXXXXX";
    struct log_facts facts = {.epoch = {1}, .first_seq = 1, .first_deletion = 1};
    struct log_options options = {
        .directory = directory, .segment_bytes = 16 << 10, .no_helper = true};
    struct reel_error error;
    struct log *log;
    must(argc == 2, "usage: corpus_of_segments DIRECTORY");
    must(mkdtemp(directory) != NULL, "mkdtemp");
    must(log_create(directory, &facts, 0, NULL, &error) == 0, "log_create");
    copy_all(directory, argv[1], "empty");
    must(log_open(&options, &log, &error) == 0, "log_open");
    for (uint64_t seq = 1; seq <= 90; seq++) {
        put(log, seq);
        if (seq % 20 == 0) put_controls(log);
        if (seq % 2 == 0) commit(log);
    }
    log_reach(log, 95);
    commit(log);
    copy_all(directory, argv[1], "raw");
    while (log_help(log)) continue;
    copy_all(directory, argv[1], "sealed");
    log_close(log);
    DIR *dir = opendir(directory);
    for (const struct dirent *entry; (entry = readdir(dir));)
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    rmdir(directory);
    return 0;
}
