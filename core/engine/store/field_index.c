/* field_index.c: see field_index.h. In this order: fields; meta; writing; building; keys. */
#include "engine/store/field_index.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "engine/store/meta.h"
#include "engine/store/table.h"

#include <errno.h>
#include <stdlib.h>

/* A slice of a table that is being built. */
#define SLICE_RECORDS 1000
#define SLICE_BYTES   ((size_t)4 << 20)

/* ---- Fields ---------------------------------------------------------------------------------- */

static uint8_t flags_of(const struct reel_field *field) {
    uint8_t flags = 0;
    if (field->flags & (REEL_FIELD_INDEXED | REEL_FIELD_IS_NAME)) flags |= FIELD_INDEXED;
    if (field->kind == REEL_FIELD_ONE_OF || field->kind == REEL_FIELD_BOOL) flags |= FIELD_COUNTED;
    return flags;
}

void tracked_fields_of(const struct reel_field *fields, uint32_t count,
                       struct tracked_fields *ret) {
    ret->count = 0;
    INVARIANT(count <= RECORD_FIELDS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct field_form form = field_form_of(&fields[i]);
        uint8_t flags = flags_of(&fields[i]);
        if (flags)
            ret->list[ret->count++] =
                (struct tracked_field){(uint8_t)i, flags, form.kind, form.is_folded};
    }
}

bool tracked_fields_are_same(const struct tracked_fields *a, const struct tracked_fields *b) {
    return a->count == b->count && memcmp(a->list, b->list, a->count * sizeof *a->list) == 0;
}

const struct tracked_field *tracked_fields_find(const struct tracked_fields *fields, uint32_t at) {
    for (uint32_t i = 0; i < fields->count; i++)
        if (fields->list[i].at == at) return &fields->list[i];
    return NULL;
}

/* ---- Meta ------------------------------------------------------------------------------------ */

/* Then the list, then the key. */
struct stored_progress {
    uint8_t is_built, has_key;
    uint16_t count;
};

bool field_progress_has(const struct field_progress *progress, struct reel_str key) {
    if (progress->is_built) return true;
    return progress->has_key && str_compare(key, text_str(&progress->key)) <= 0;
}

int field_index_parse(struct reel_str value, struct tracked_fields *ret,
                      struct field_progress *ret_progress) {
    struct stored_progress stored;
    if (value.len < sizeof stored) return -EBADMSG;
    memcpy(&stored, value.data, sizeof stored);
    size_t list_bytes = stored.count * sizeof *ret->list;
    if (stored.count > RECORD_FIELDS_MAX || value.len - sizeof stored < list_bytes) return -EBADMSG;
    ret->count = stored.count;
    memcpy(ret->list, value.data + sizeof stored, list_bytes);
    size_t before = sizeof stored + list_bytes;
    ret_progress->is_built = stored.is_built;
    ret_progress->has_key = stored.has_key;
    ret_progress->key.len = 0;
    text_append(&ret_progress->key, value.data + before, value.len - before);
    return ret_progress->key.failed ? -ENOMEM : 0;
}

int field_index_get(struct store *store, const struct snapshot *at, const char *name, unsigned set,
                    struct tracked_fields *ret, struct field_progress *ret_progress) {
    struct reel_str value;
    int rc = meta_get_fields(store, at, name, set, &value);
    return rc < 0 ? rc : field_index_parse(value, ret, ret_progress);
}

int field_index_put(struct store *store, const char *name, unsigned set,
                    const struct tracked_fields *fields, const struct field_progress *progress,
                    struct reel_error *error) {
    CLEANUP(text_finish) struct text value = {0};
    const struct stored_progress stored = {progress->is_built, progress->has_key,
                                           (uint16_t)fields->count};
    text_append(&value, &stored, sizeof stored);
    text_append(&value, fields->list, fields->count * sizeof *fields->list);
    if (!progress->is_built && progress->has_key) text_append_str(&value, text_str(&progress->key));
    if (value.failed) return fail_memory(error);
    return meta_put_fields(store, name, set, text_str(&value), error);
}

/* ---- Writing --------------------------------------------------------------------------------- */

void field_writer_start(struct field_writer *writer, struct store *store, size_t table,
                        const struct tracked_fields *fields, struct arena *arena) {
    *writer =
        (struct field_writer){.store = store, .table = table, .fields = fields, .arena = arena};
}

static int grow_tallies(struct field_writer *writer) {
    if (writer->tally_count < writer->tally_room) return 0;
    size_t room = writer->tally_room ? 2 * writer->tally_room : 16;
    struct tally *grown = realloc(writer->tallies, room * sizeof *grown);
    if (!grown) return -ENOMEM;
    writer->tallies = grown;
    writer->tally_room = room;
    return 0;
}

/* There are few values, and the last ones are the likeliest. */
static int count(struct field_writer *writer, uint8_t at, struct reel_str json, int change) {
    for (size_t i = writer->tally_count; i-- > 0;) {
        struct tally *tally = &writer->tallies[i];
        if (tally->at != at || !reel_str_eq(tally->json, json)) continue;
        tally->change += change;
        return 0;
    }
    struct reel_str own = {arena_copy(writer->arena, json.data, json.len), json.len};
    if (!own.data || grow_tallies(writer) < 0) return -ENOMEM;
    writer->tallies[writer->tally_count++] = (struct tally){at, own, change};
    return 0;
}

/* An encoded value, or none. */
struct entry {
    bool is_there;
    size_t len;
    char bytes[FIELD_ENCODED_MAX];
};

static int encode(struct field_writer *writer, const struct tracked_field *field,
                  const struct reel_str *values, struct entry *ret) {
    struct reel_str value;
    ret->is_there = values;
    if (!values) return 0;
    struct field_form form = tracked_form(field);
    int rc = field_value_of_json(form, values[field->at], writer->arena, &value);
    if (rc == 0) ret->len = field_value_encode(form, value, ret->bytes);
    return rc;
}

static int entry_key(struct field_writer *writer, const struct tracked_field *field,
                     const struct entry *entry, struct reel_str key) {
    writer->key.len = 0;
    field_key_begin(&writer->key, FIELD_ENTRIES, field->at);
    text_append(&writer->key, entry->bytes, entry->len);
    text_append_str(&writer->key, key);
    return writer->key.failed ? -ENOMEM : 0;
}

/* An entry may have left this memtable for another value and come back, and be in LMDB, too. So a
 * tombstone is always needed. */
static int move_entry(struct field_writer *writer, const struct tracked_field *field,
                      struct reel_str key, const struct reel_str *before,
                      const struct reel_str *after, struct reel_error *error) {
    struct entry from, to;
    int rc = encode(writer, field, before, &from);
    if (rc == 0) rc = encode(writer, field, after, &to);
    if (rc == -EBADMSG)
        return store_fail(writer->store, MDB_CORRUPTED, "cannot read a field", error);
    if (rc < 0) return fail_memory(error);
    if (from.is_there && to.is_there && from.len == to.len &&
        memcmp(from.bytes, to.bytes, to.len) == 0)
        return 0;
    if (from.is_there) {
        if (entry_key(writer, field, &from, key) < 0) return fail_memory(error);
        rc = table_delete(writer->store, writer->table, text_str(&writer->key), error);
        if (rc < 0) return rc;
    }
    if (!to.is_there) return 0;
    if (entry_key(writer, field, &to, key) < 0) return fail_memory(error);
    return table_put(writer->store, writer->table, text_str(&writer->key), (struct reel_str){"", 0},
                     error);
}

int field_writer_change(struct field_writer *writer, struct reel_str key,
                        const struct reel_str *before, const struct reel_str *after,
                        struct reel_error *error) {
    for (uint32_t i = 0; i < writer->fields->count; i++) {
        const struct tracked_field *field = &writer->fields->list[i];
        if (before && after && reel_str_eq(before[field->at], after[field->at])) continue;
        if (field->flags & FIELD_COUNTED) {
            int counted = before ? count(writer, field->at, before[field->at], -1) : 0;
            if (counted == 0 && after) counted = count(writer, field->at, after[field->at], 1);
            if (counted < 0) return fail_memory(error);
        }
        if (!(field->flags & FIELD_INDEXED)) continue;
        int rc = move_entry(writer, field, key, before, after, error);
        if (rc < 0) return rc;
    }
    return 0;
}

static int write_tally(struct field_writer *writer, const struct tally *tally,
                       struct reel_error *error) {
    struct store *store = writer->store;
    struct reel_str stored;
    uint64_t sum = 0;
    if (tally->change == 0) return 0;
    writer->key.len = 0;
    field_key_begin(&writer->key, FIELD_TALLIES, tally->at);
    text_append_str(&writer->key, tally->json);
    if (writer->key.failed) return fail_memory(error);
    struct reel_str key = text_str(&writer->key);
    int rc = table_get(store, &store->writing, writer->table, key, &stored, error);
    if (rc < 0 && rc != -ENOENT) return rc;
    if (rc == 0 && stored.len != sizeof sum)
        return store_fail(store, MDB_CORRUPTED, "cannot read a count", error);
    if (rc == 0) memcpy(&sum, stored.data, sizeof sum);
    INVARIANT(tally->change > 0 || sum >= (uint64_t)-tally->change);
    sum += (uint64_t)tally->change;
    return table_put(store, writer->table, key, (struct reel_str){(const char *)&sum, sizeof sum},
                     error);
}

int field_writer_finish(struct field_writer *writer, int rc, struct reel_error *error) {
    for (size_t i = 0; i < writer->tally_count && rc == 0; i++)
        rc = write_tally(writer, &writer->tallies[i], error);
    free(writer->tallies);
    text_finish(&writer->key);
    writer->tallies = NULL;
    writer->tally_count = writer->tally_room = 0;
    return rc;
}

/* ---- Building -------------------------------------------------------------------------------- */

struct built_record {
    struct reel_str key, stored;
};

/* The next records, copied: nothing may be written during the walk. Less than a slice: these are
 * the last. */
static int read_slice(const struct field_build *build, const struct field_progress *from,
                      struct built_record *records, size_t *ret_count, bool *ret_last,
                      struct reel_error *error) {
    struct store *store = build->store;
    struct table_walk walk;
    struct overlay_row row;
    size_t count = 0, bytes = 0;
    struct reel_str key = from->has_key ? text_str(&from->key) : (struct reel_str){"", 0};
    table_walk_start(&walk, store, &store->writing, build->records, error);
    int rc = table_seek(&walk, key, from->has_key ? SEEK_ABOVE : SEEK_AT_OR_ABOVE, &row);
    for (; rc > 0 && count < SLICE_RECORDS && bytes < SLICE_BYTES; rc = table_next(&walk, &row)) {
        struct built_record *record = &records[count++];
        bytes += row.key.len + row.value.len;
        record->key =
            (struct reel_str){arena_copy(build->arena, row.key.data, row.key.len), row.key.len};
        record->stored = (struct reel_str){arena_copy(build->arena, row.value.data, row.value.len),
                                           row.value.len};
        if (!record->key.data || !record->stored.data) rc = fail_memory(error);
        if (rc < 0) break;
    }
    table_walk_finish(&walk);
    *ret_count = count;
    *ret_last = rc == 0;
    return rc < 0 ? rc : 0;
}

static int write_slice(const struct field_build *build, const struct built_record *records,
                       size_t count, struct reel_error *error) {
    struct field_writer writer;
    struct reel_str *values = arena_alloc(build->arena, RECORD_FIELDS_MAX * sizeof *values);
    uint64_t changed;
    int rc = 0;
    if (!values) return fail_memory(error);
    field_writer_start(&writer, build->store, build->table, build->fields, build->arena);
    for (size_t i = 0; i < count && rc == 0; i++)
        if (record_read(build->shape, records[i].stored, &changed, values) < 0)
            rc = store_fail(build->store, MDB_CORRUPTED, "cannot read a record", error);
        else
            rc = field_writer_change(&writer, records[i].key, NULL, values, error);
    return field_writer_finish(&writer, rc, error);
}

int field_index_build(const struct field_build *build, const struct field_progress *from,
                      struct field_progress *ret, struct reel_error *error) {
    size_t count;
    bool last;
    struct built_record *records = arena_alloc(build->arena, SLICE_RECORDS * sizeof *records);
    if (!records) return fail_memory(error);
    int rc = read_slice(build, from, records, &count, &last, error);
    if (rc == 0) rc = write_slice(build, records, count, error);
    if (rc < 0) return rc;
    ret->is_built = last;
    ret->has_key = count > 0 || from->has_key;
    ret->key.len = 0;
    if (count > 0)
        text_append_str(&ret->key, records[count - 1].key);
    else if (from->has_key)
        text_append_str(&ret->key, text_str(&from->key));
    return ret->key.failed ? fail_memory(error) : 0;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

void field_key_begin(struct text *to, uint8_t first, uint8_t at) {
    text_append(to, (const char[]){(char)first, (char)at}, 2);
}

bool field_key_split(struct reel_str bytes, const struct tracked_field *field,
                     struct field_encoded *ret_value, struct reel_str *ret_key) {
    if (bytes.len < 2 || bytes.data[0] != FIELD_ENTRIES || (uint8_t)bytes.data[1] != field->at)
        return false;
    *ret_value =
        field_value_split(tracked_form(field), (struct reel_str){bytes.data + 2, bytes.len - 2});
    size_t before = 2 + ret_value->bytes.len;
    *ret_key = (struct reel_str){bytes.data + before, bytes.len - before};
    return ret_value->bytes.len > 0;
}
