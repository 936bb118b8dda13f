/* corpus_from_vectors.c: writes the reference vectors as seeds for the fuzzers, and a few texts
 * that no vector has: lists of entity tags, and names of keys.
 *
 *     corpus_from_vectors DIRECTORY        (REEL_SOURCE_ROOT: where the sources are)
 *
 * CASE-N is the payload of one step; CASE has all of a case's, a line each, which is what
 * fuzz_payloads takes apart.
 */
#include "vectors.h"

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static FILE *seed_create(const char *path) {
    FILE *file = fopen(path, "wb");
    if (!file) err(1, "%s", path);
    return file;
}

static void seed_close(FILE *file, const char *path) {
    bool failed = ferror(file);
    if (fclose(file) != 0 || failed) errx(1, "%s: not written", path);
}

static void write_case(const char *directory, const json_t *vector) {
    const char *name = json_string_value(json_object_get(vector, "name"));
    char path[4096];
    char step_path[4200];
    size_t at;
    json_t *step;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *all = seed_create(path);
    json_array_foreach(json_object_get(vector, "steps"), at, step) {
        size_t len;
        char *payload = vector_payload(step, &len);
        snprintf(step_path, sizeof step_path, "%s-%zu", path, at + 1);
        FILE *one = seed_create(step_path);
        fwrite(payload, 1, len, one);
        seed_close(one, step_path);
        if (at > 0) putc('\n', all);
        fwrite(payload, 1, len, all);
        free(payload);
    }
    seed_close(all, path);
}

#define EPOCH         "0b6f2cd4-40dc-4d3c-a7ce-3bb4b2f1d5a1"
#define EIGHT(digits) digits digits digits digits digits digits digits digits

static const struct {
    const char *name, *text;
} texts[] = {
    {"tags-own", "\"" EPOCH "-3-17\", W/\"" EPOCH "-3-18\""},
    {"tags-others", "\"\" , ,W/\"x\",\"" EPOCH "-4-1\""},
    {"tags-any", "*"},
    {"key-short", "7f"},
    {"key-long", "\x7f" EIGHT(EIGHT("61616161")) "." EIGHT("0a1b")},
};

static void write_texts(const char *directory) {
    char path[4096];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, texts[i].name);
        FILE *file = seed_create(path);
        fputs(texts[i].text, file);
        seed_close(file, path);
    }
}

int main(int argc, char **argv) {
    const char *root = getenv("REEL_SOURCE_ROOT");
    if (argc != 2 || !root) {
        fputs("usage: REEL_SOURCE_ROOT=… corpus_from_vectors DIRECTORY\n", stderr);
        return 2;
    }
    if (mkdir(argv[1], 0777) < 0 && errno != EEXIST) err(1, "%s", argv[1]);
    json_t *vectors = vectors_load(root);
    for (size_t at = 0; at < json_array_size(vectors); at++)
        write_case(argv[1], json_array_get(vectors, at));
    json_decref(vectors);
    write_texts(argv[1]);
    return 0;
}
