/* fuzz_payloads.c: a stream of payloads, through Reel and through slow_fold; they must agree.
 *
 * The input is cut at newline bytes, and each piece is one payload (so none has a newline in it;
 * JSON does without). After each, the outcomes must be the same, and at the end the records, their
 * order and the cursor. Every input gets a Reel of its own, so that a finding needs no history.
 *
 * Where the oracle cannot judge a payload the states may part: then they are compared before it,
 * and what comes after runs for crashes only.
 */
#include "linked_plugins.h"
#include "slow_fold.h"

#include <reel/reel.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    INPUT_BYTES_MAX = 1 << 20, /* so that no payload is above the default event_bytes_max */
    MAP_BYTES = 1 << 28,       /* little: it is mapped anew for every input */
};

struct run {
    struct reel *reel;
    struct slow_fold *fold;
    uint64_t seq;
    bool judged;
};

static void check(bool good, const char *what, const char *detail) {
    if (good) return;
    fprintf(stderr, "fuzz_payloads: %s: %s\n", what, detail);
    abort();
}

static struct reel *opened(void) {
    struct reel_error error = {""};
    struct reel *reel = NULL;
    struct reel_options options = {.struct_size = sizeof options, .map_bytes = MAP_BYTES};
    check(reel_open(&options, &reel, &error) == 0, "open", error.text);
    check(reel_add_plugin(reel, &formation_plugin, &error) == 0, "formation", error.text);
    check(reel_add_plugin(reel, &cell_plugin, &error) == 0, "cell", error.text);
    check(reel_start(reel, &error) == 0, "start", error.text);
    return reel;
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static int append_row(void *context, const struct reel_row *row) {
    int outcome;
    json_t *record = slow_fold_decode(row->json.data, row->json.len, &outcome);
    check(record != NULL, "a record is not JSON", "");
    json_t *id = json_object_get(record, "id");
    check(json_string_length(id) == row->key.len &&
              memcmp(json_string_value(id), row->key.data, row->key.len) == 0,
          "a record's id is not its key", json_string_value(id));
    return json_array_append_new(context, record);
}

static void compare_collection(struct reel_view *view, const char *collection, json_t *expected) {
    static const struct reel_str from_the_start = {NULL, 0};
    json_t *rows = json_array();
    int error = reel_view_list(view, collection, from_the_start, false, append_row, rows);
    check(error == 0, "list", collection);
    if (!json_equal(rows, expected)) {
        char *ours = json_dumps(rows, 0);
        char *theirs = json_dumps(expected, 0);
        fprintf(stderr, "reel:      %s\nslow_fold: %s\n", ours, theirs);
        check(false, "the states differ", collection);
    }
    json_decref(rows);
}

static void compare_states(const struct run *run) {
    struct reel_view *view = NULL;
    struct reel_position position;
    struct reel_error error = {""};
    json_t *state = slow_fold_state(run->fold);
    check(reel_view_open(run->reel, &view, &error) == 0, "view", error.text);
    check(reel_view_position(view, &position) == 0, "position", "");
    check(position.cursor == run->seq, "cursor", "it is not the number of payloads");
    compare_collection(view, "cells", json_object_get(state, "cells"));
    compare_collection(view, "formations", json_object_get(state, "formations"));
    reel_view_close(view);
    json_decref(state);
}

/* ---- Applying -------------------------------------------------------------------------------- */

static void apply(struct run *run, const char *bytes, size_t len) {
    struct reel_result result = {0};
    struct reel_error error = {""};
    struct reel_str payload = {bytes, len};
    int expected = run->judged ? slow_fold_apply(run->fold, bytes, len) : SLOW_FOLD_UNKNOWN;
    if (run->judged && expected == SLOW_FOLD_UNKNOWN) {
        compare_states(run);
        run->judged = false;
    }
    check(reel_apply(run->reel, payload, &result, &error) == 0, "apply", error.text);
    run->seq++;
    check(result.seq == run->seq, "apply", "a seq was left out");
    if (!run->judged || result.outcome == expected) return;
    fprintf(stderr, "payload %llu: reel %d, slow_fold %d: %.*s\n", (unsigned long long)run->seq,
            (int)result.outcome, expected, (int)len, bytes);
    check(false, "the outcomes differ", "1 applied, 2 ignored, 3 rejected");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *at = (const char *)data;
    const char *end = at + size;
    if (size == 0 || size > INPUT_BYTES_MAX) return 0;
    struct run run = {.reel = opened(), .fold = slow_fold_new(), .judged = true};
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        apply(&run, at, (size_t)(stop - at));
        at = newline ? newline + 1 : end;
    }
    if (run.judged) compare_states(&run);
    slow_fold_free(run.fold);
    reel_close(run.reel);
    return 0;
}
