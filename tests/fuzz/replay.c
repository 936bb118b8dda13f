/* replay.c: a fuzzer's main without libFuzzer: its inputs are the reference vectors, each payload
 * by itself and those of a case together, whole and cut short; or the files that are named, which
 * is how a finding is run again.
 *
 *     replay_NAME [FILE...]        (without a file, REEL_SOURCE_ROOT: where the sources are)
 */
#include "fuzz.h"
#include "vectors.h"

#include <err.h>

/* Only few have one. */
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

/* Each input is cut at so many places. */
enum { CUTS = 4 };

static size_t inputs;
static bool only_cases;

/* In memory of its own, so that reading behind it is seen. */
static void run(const void *bytes, size_t len) {
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy) err(1, "no memory");
    if (len > 0) memcpy(copy, bytes, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
    inputs++;
}

static void run_cut(const char *bytes, size_t len) {
    if (only_cases) return;
    for (size_t i = 0; i < CUTS; i++) run(bytes, len * i / CUTS);
}

/* ---- The vectors ----------------------------------------------------------------------------- */

/* The payload is added to `all`, with a newline between two. */
static char *with_payload(char *all, size_t *len, const char *payload, size_t payload_len) {
    char *grown = realloc(all, *len + payload_len + 1);
    if (!grown) err(1, "no memory");
    if (all) grown[(*len)++] = '\n';
    memcpy(grown + *len, payload, payload_len);
    *len += payload_len;
    return grown;
}

static void run_case(const json_t *vector) {
    char *all = NULL;
    size_t at, all_len = 0;
    json_t *step;
    json_array_foreach(json_object_get(vector, "steps"), at, step) {
        size_t len;
        char *payload = vector_payload(step, &len);
        run_cut(payload, len);
        if (!only_cases) run(payload, len);
        all = with_payload(all, &all_len, payload, len);
        free(payload);
    }
    if (all) run_cut(all, all_len);
    if (all) run(all, all_len);
    free(all);
}

static void run_vectors(const char *root) {
    json_t *vectors = vectors_load(root);
    for (size_t at = 0; at < json_array_size(vectors); at++) run_case(json_array_get(vectors, at));
    json_decref(vectors);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void run_file(const char *path) {
    char *bytes = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "rb");
    if (!file) err(1, "%s", path);
    ssize_t len = getdelim(&bytes, &room, EOF, file); /* no byte is that: all of it */
    if (len < 0 && !feof(file)) err(1, "%s", path);
    fclose(file);
    run(bytes, len > 0 ? (size_t)len : 0);
    free(bytes);
}

int main(int argc, char **argv) {
    const char *root = getenv("REEL_SOURCE_ROOT");
    if (LLVMFuzzerInitialize) LLVMFuzzerInitialize(&argc, &argv);
    only_cases = argc == 2 && strcmp(argv[1], "--cases") == 0;
    if (!root && (argc < 2 || only_cases)) errx(2, "REEL_SOURCE_ROOT is not set");
    if (argc < 2 || only_cases)
        run_vectors(root);
    else
        for (int i = 1; i < argc; i++) run_file(argv[i]);
    printf("%zu inputs\n", inputs);
    return inputs == 0;
}
