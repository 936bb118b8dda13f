/* slow_fold.c: see slow_fold.h. In three parts: reading JSON, formations, cells.
 *
 * Where jansson (2.14) is not RFC 8259, or not the contract, and what is done about it:
 *   - It passes over a NUL byte that follows a number or a word, as in `1\0`. JSON has no raw NUL
 *     anywhere: looked for first.
 *   - It refuses integers beyond 64 bits, which the contract takes. Only then, `.0` is written
 *     behind each of them, which makes them reals and leaves every other integer one. (Its flag
 *     JSON_DECODE_INT_AS_REAL would do that to all, and `exitCode` must be an integer.)
 *   - It reads 2048 levels, the contract 127. Levels are counted in the text: the tree has lost
 *     what stood under the first of two equal names.
 *   - It refuses a NUL in a member's name: SLOW_FOLD_UNKNOWN. What follows it is not looked at,
 *     so the text may be no JSON after all.
 * Of two equal names it keeps the last, numbers beyond a double it refuses and those too small
 * are 0: as the contract has it.
 */
#include "slow_fold.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 127 };

struct slow_fold {
    json_t *cells;
    json_t *formations;
};

static void *must(void *pointer) {
    if (pointer) return pointer;
    fputs("slow_fold: out of memory\n", stderr);
    abort();
}

struct slow_fold *slow_fold_new(void) {
    struct slow_fold *fold = must(malloc(sizeof *fold));
    fold->cells = must(json_array());
    fold->formations = must(json_array());
    return fold;
}

void slow_fold_free(struct slow_fold *fold) {
    if (!fold) return;
    json_decref(fold->cells);
    json_decref(fold->formations);
    free(fold);
}

json_t *slow_fold_state(struct slow_fold *fold) {
    return must(json_pack("{s:O, s:O}", "cells", fold->cells, "formations", fold->formations));
}

/* ---- Reading JSON ---------------------------------------------------------------------------- */

/* The end of the string that begins at `at`, past its closing quote. */
static size_t string_end(const char *bytes, size_t len, size_t at) {
    for (at++; at < len && bytes[at] != '"'; at++)
        if (bytes[at] == '\\') at++;
    return at < len ? at + 1 : len;
}

static bool too_deep(const char *bytes, size_t len) {
    int depth = 0;
    for (size_t at = 0; at < len; at++) {
        if (bytes[at] == '"')
            at = string_end(bytes, len, at) - 1;
        else if (bytes[at] == '{' || bytes[at] == '[')
            depth++;
        else if (bytes[at] == '}' || bytes[at] == ']')
            depth--;
        if (depth > DEPTH_MAX) return true;
    }
    return false;
}

/* The end of what may be a number: only characters that numbers have. Text that is no JSON stays
 * none by what is written behind it. */
static size_t number_end(const char *bytes, size_t len, size_t at) {
    while (at < len && memchr("0123456789+-.eE", bytes[at], 15)) at++;
    return at;
}

static bool is_big_integer(const char *bytes, size_t len) {
    char *text = must(strndup(bytes, len));
    bool is_integer = strpbrk(text, ".eE") == NULL;
    errno = 0;
    strtoll(text, NULL, 10);
    bool big = is_integer && errno == ERANGE;
    free(text);
    return big;
}

/* The text again, with `.0` behind each integer beyond 64 bits. Frees nothing, returns a copy. */
static char *with_big_integers_as_reals(const char *bytes, size_t len, size_t *ret_len) {
    char *copy = must(malloc(3 * len + 1)); /* in truth 20 characters get 2 more */
    size_t used = 0;
    for (size_t at = 0, end; at < len; at = end) {
        end = at + 1;
        bool number = (bytes[at] >= '0' && bytes[at] <= '9') || bytes[at] == '-';
        if (bytes[at] == '"')
            end = string_end(bytes, len, at);
        else if (number)
            end = number_end(bytes, len, at);
        memcpy(copy + used, bytes + at, end - at);
        used += end - at;
        if (number && is_big_integer(bytes + at, end - at)) {
            memcpy(copy + used, ".0", 2);
            used += 2;
        }
    }
    *ret_len = used;
    return copy;
}

json_t *slow_fold_decode(const char *bytes, size_t len, int *ret_outcome) {
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t error;
    *ret_outcome = SLOW_FOLD_REJECTED;
    if (len == 0 || memchr(bytes, '\0', len) || too_deep(bytes, len)) return NULL;
    json_t *root = json_loadb(bytes, len, flags, &error);
    if (!root && json_error_code(&error) == json_error_numeric_overflow) {
        size_t copy_len;
        char *copy = with_big_integers_as_reals(bytes, len, &copy_len);
        root = json_loadb(copy, copy_len, flags, &error);
        free(copy);
    }
    if (!root && json_error_code(&error) == json_error_null_byte_in_key)
        *ret_outcome = SLOW_FOLD_UNKNOWN;
    return root;
}

/* ---- Strings and lists ----------------------------------------------------------------------- */

static bool is_text(const json_t *value, const char *text) {
    return json_is_string(value) && json_string_length(value) == strlen(text) &&
           memcmp(json_string_value(value), text, strlen(text)) == 0;
}

/* What follows `prefix` in the string: "" and more, or NULL if it does not begin so. A NUL in it
 * makes it nothing that is known. */
static const char *after(const json_t *value, const char *prefix) {
    const char *text = json_string_value(value);
    if (!text || strlen(text) != json_string_length(value)) return NULL;
    return strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : NULL;
}

static json_t *string_or_null(json_t *value) {
    return json_is_string(value) ? json_incref(value) : json_null();
}

static void set(json_t *record, const char *field, json_t *value_taken) {
    if (json_object_set_new(record, field, value_taken) < 0) must(NULL);
}

static int compare(const json_t *a, const json_t *b) {
    size_t a_len = json_string_length(a);
    size_t b_len = json_string_length(b);
    int order = memcmp(json_string_value(a), json_string_value(b), a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static json_t *find(json_t *records, const json_t *id) {
    for (size_t at = 0; at < json_array_size(records); at++) {
        json_t *record = json_array_get(records, at);
        if (compare(json_object_get(record, "id"), id) == 0) return record;
    }
    return NULL;
}

static json_t *insert(json_t *records, json_t *record_taken) {
    const json_t *id = json_object_get(record_taken, "id");
    size_t at = 0;
    while (at < json_array_size(records) &&
           compare(json_object_get(json_array_get(records, at), "id"), id) < 0)
        at++;
    if (json_array_insert_new(records, at, record_taken) < 0) must(NULL);
    return record_taken;
}

/* A new string, lower-case and hyphenated, or NULL. */
static json_t *uuid(const json_t *value) {
    char text[64] = "";
    char digits[33];
    size_t count = 0;
    size_t len = json_string_length(value);
    if (!json_is_string(value) || len > 45 || strlen(json_string_value(value)) != len) return NULL;
    strcpy(text, json_string_value(value));
    if (strncmp(text, "urn:uuid:", 9) == 0 && len == 45) memmove(text, text + 9, 37);
    if (text[0] == '{' && text[len - 1] == '}' && len == 38) {
        memmove(text, text + 1, 36);
        text[36] = '\0';
    }
    if (strlen(text) == 36) {
        if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return NULL;
    } else if (len != 32) {
        return NULL;
    }
    for (const char *c = text; *c; c++) {
        bool hyphen = strlen(text) == 36 &&
                      (c - text == 8 || c - text == 13 || c - text == 18 || c - text == 23);
        if (hyphen) continue;
        if (!strchr("0123456789abcdefABCDEF", *c)) return NULL;
        digits[count++] = *c >= 'A' && *c <= 'F' ? (char)(*c - 'A' + 'a') : *c;
    }
    return must(json_sprintf("%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12,
                             digits + 16, digits + 20));
}

/* ---- Formations ------------------------------------------------------------------------------ */

static const char *status_of(const char *phase) {
    static const char *const table[][2] = {
        {"created", "PENDING"},     {"launching", "RUNNING"},   {"running", "RUNNING"},
        {"degraded", "RUNNING"},    {"completed", "SUCCEEDED"}, {"failed", "FAILED"},
        {"cancelled", "CANCELLED"},
    };
    for (size_t at = 0; at < sizeof table / sizeof table[0]; at++)
        if (strcmp(table[at][0], phase) == 0) return table[at][1];
    return NULL;
}

static json_t *first_string(json_t *a, json_t *b, json_t *c) {
    if (json_is_string(a)) return a;
    if (json_is_string(b)) return b;
    return json_is_string(c) ? c : NULL;
}

/* `phase` is NULL when the type has a NUL behind the prefix: no phase that is known. */
static int fold_formation(struct slow_fold *fold, json_t *event, const char *phase) {
    json_t *data = json_object_get(event, "data");
    json_t *id = uuid(first_string(json_object_get(data, "formationId"),
                                   json_object_get(data, "formation_id"),
                                   json_object_get(event, "subject")));
    if (!id) return SLOW_FOLD_REJECTED;
    const char *status = phase ? status_of(phase) : NULL;
    json_t *name =
        first_string(json_object_get(data, "formationName"), json_object_get(data, "name"), NULL);
    json_t *record = find(fold->formations, id);
    if (status && !record) {
        record = must(json_pack("{s:O, s:s, s:s, s:O}", "id", id, "name", "", "status", "",
                                "document", data ? data : json_null()));
        insert(fold->formations, record);
    }
    json_decref(id);
    if (!status) return SLOW_FOLD_IGNORED;
    set(record, "status", json_string(status));
    if (name && json_string_length(name) > 0) set(record, "name", json_incref(name));
    return SLOW_FOLD_APPLIED;
}

/* ---- Cells ----------------------------------------------------------------------------------- */

static void fill_formation_id(json_t *cell, json_t *data) {
    if (!json_is_null(json_object_get(cell, "formation_id"))) return;
    json_t *id = uuid(json_object_get(data, "formationId"));
    if (!id) id = uuid(json_object_get(json_object_get(data, "correlation"), "formationId"));
    if (id) set(cell, "formation_id", id);
}

static json_t *new_cell(struct slow_fold *fold, json_t *id) {
    json_t *cell = json_pack("{s:O, s:s, s:n, s:s, s:s, s:n, s:n, s:n, s:n, s:n}", "id", id,
                             "spec_id", "", "run_id", "state", "pending", "status", "pending",
                             "formation_id", "started_at", "destroyed_at", "outcome", "exit_code");
    return insert(fold->cells, must(cell));
}

/* Two's complement by hand: what is left over after whole 2^32s, from -2^31 up. */
static json_int_t cut_to_32_bits(json_int_t value) {
    const json_int_t whole = 4294967296LL;
    json_int_t rest = value % whole;
    if (rest > 2147483647LL) rest -= whole;
    if (rest < -2147483648LL) rest += whole;
    return rest;
}

static void fold_phase(json_t *cell, json_t *event, const char *what) {
    json_t *data = json_object_get(event, "data");
    json_t *time = json_object_get(event, "time");
    json_t *code = json_object_get(data, "exitCode");
    if (strcmp(what, "started") == 0) {
        set(cell, "state", json_string("running"));
        set(cell, "started_at", string_or_null(time));
    } else if (strcmp(what, "destroyed") == 0) {
        set(cell, "state", json_string("destroyed"));
        set(cell, "destroyed_at", string_or_null(time));
        set(cell, "outcome", string_or_null(json_object_get(data, "outcome")));
    } else if (json_is_integer(code)) {
        set(cell, "exit_code", json_integer(cut_to_32_bits(json_integer_value(code))));
    }
    set(cell, "status", json_incref(json_object_get(cell, "state")));
}

static int fold_cell(struct slow_fold *fold, json_t *event, const char *what) {
    json_t *data = json_object_get(event, "data");
    json_t *id = json_object_get(data, "cellId");
    json_t *spec = json_object_get(data, "specId");
    if (!json_is_string(id) || !json_is_string(spec)) return SLOW_FOLD_IGNORED;
    json_t *cell = find(fold->cells, id);
    if (cell && is_text(json_object_get(cell, "state"), "destroyed")) return SLOW_FOLD_APPLIED;
    if (!cell) cell = new_cell(fold, id);
    if (is_text(json_object_get(cell, "spec_id"), "")) set(cell, "spec_id", json_incref(spec));
    if (json_is_null(json_object_get(cell, "run_id")))
        set(cell, "run_id", string_or_null(json_object_get(data, "runId")));
    fill_formation_id(cell, data);
    fold_phase(cell, event, what);
    return SLOW_FOLD_APPLIED;
}

/* ---- Events ---------------------------------------------------------------------------------- */

static int fold_event(struct slow_fold *fold, json_t *event) {
    static const char *const families[] = {"dev.cellos.events.cell.formation.v1.",
                                           "io.cellos.formation.v1."};
    json_t *type = json_object_get(event, "type");
    if (is_text(type, "dev.cellos.events.cell.lifecycle.v1.started"))
        return fold_cell(fold, event, "started");
    if (is_text(type, "dev.cellos.events.cell.lifecycle.v1.destroyed"))
        return fold_cell(fold, event, "destroyed");
    if (is_text(type, "dev.cellos.events.cell.command.v1.completed"))
        return fold_cell(fold, event, "completed");
    for (size_t at = 0; at < 2; at++) {
        const char *text = json_string_value(type);
        if (text && strncmp(text, families[at], strlen(families[at])) == 0)
            return fold_formation(fold, event, after(type, families[at]));
    }
    return SLOW_FOLD_IGNORED;
}

int slow_fold_apply(struct slow_fold *fold, const char *bytes, size_t len) {
    int outcome;
    json_t *event = slow_fold_decode(bytes, len, &outcome);
    if (!event) return outcome;
    outcome = fold_event(fold, event);
    json_decref(event);
    return outcome;
}
