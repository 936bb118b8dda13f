/* field_index.h: the indexes of a collection's fields, and how many records have each value.
 *
 * Each collection has one such table, with keys of keys.h:
 *     0x01 field JSON         how many records have this value, 8 bytes: of each field that is one
 *                             of a few strings, or a bool
 *     0x02 field value key    a record, under an encoded value (field_value.h) of an indexed field,
 *                             null included → nothing
 * `field` is a byte: the field's place among those that are declared. Where a collection's declared
 * fields change it is rebuilt, and with it this table.
 *
 * The table is written in the group that changes the records, and only where a value has changed.
 * So it is always exactly what the records say: of all of them, or, while it is being built, of
 * those with keys up to a certain one. It is built in slices when the fields that it is about are
 * others than before, because another build of the plugin says so. `meta` has which fields it is
 * about, and how far it is built.
 */
#ifndef REEL_ENGINE_STORE_FIELD_INDEX_H
#define REEL_ENGINE_STORE_FIELD_INDEX_H

#include "base/text.h"
#include "engine/store/environment.h"
#include "engine/store/field_value.h"
#include "engine/store/record.h"

/* The first byte of a key. */
enum { FIELD_TALLIES = 0x01, FIELD_ENTRIES = 0x02 };

enum { FIELD_INDEXED = 1 << 0, FIELD_COUNTED = 1 << 1 };

/* As it stands in `meta`, too. */
struct tracked_field {
    uint8_t at; /* among the declared fields */
    uint8_t flags;
    uint8_t kind, is_folded; /* its form */
};

struct tracked_fields {
    uint32_t count;
    struct tracked_field list[RECORD_FIELDS_MAX];
};

static inline struct field_form tracked_form(const struct tracked_field *field) {
    struct field_form form = {field->kind, field->is_folded};
    return form;
}

/* What is kept of these fields. */
void tracked_fields_of(const struct reel_field *fields, uint32_t count, struct tracked_fields *ret);
bool tracked_fields_are_same(const struct tracked_fields *a, const struct tracked_fields *b);
/* NULL: nothing is. */
const struct tracked_field *tracked_fields_find(const struct tracked_fields *fields, uint32_t at);

/* How far a table is built. */
struct field_progress {
    bool is_built;
    bool has_key; /* built up to and including `key`; else there is nothing yet */
    struct text key;
};

static inline void field_progress_finish(struct field_progress *progress) {
    text_finish(&progress->key);
}

/* Is the record with this key in the table? */
bool field_progress_has(const struct field_progress *progress, struct reel_str key);

/* In `meta`, of one of the collection's sets of tables (store.h). -ENOENT; -EBADMSG. */
int field_index_get(struct store *store, const struct snapshot *at, const char *name, unsigned set,
                    struct tracked_fields *ret, struct field_progress *ret_progress);
int field_index_put(struct store *store, const char *name, unsigned set,
                    const struct tracked_fields *fields, const struct field_progress *progress,
                    struct reel_error *error);
int field_index_parse(struct reel_str value, struct tracked_fields *ret,
                      struct field_progress *ret_progress);

/* ---- Writing, within a group ----------------------------------------------------------------- */

struct tally {
    uint8_t at;
    struct reel_str json;
    int64_t change;
};

struct field_writer {
    struct store *store;
    size_t table;
    const struct tracked_fields *fields;
    struct arena *arena;
    struct text key;
    struct tally *tallies; /* of the records that have been written so far */
    size_t tally_count, tally_room;
};
void field_writer_start(struct field_writer *writer, struct store *store, size_t table,
                        const struct tracked_fields *fields, struct arena *arena);

/* A record that has changed: the JSON texts of its fields; NULL: there was, or is, no record. */
int field_writer_change(struct field_writer *writer, struct reel_str key,
                        const struct reel_str *before, const struct reel_str *after,
                        struct reel_error *error);

/* Writes the tallies, unless `rc` is an error, which it returns; and ends the writer. */
int field_writer_finish(struct field_writer *writer, int rc, struct reel_error *error);

/* The next slice of a table that is being built. `progress` is where it is then: the caller keeps
 * it when the group is committed. `ret` may be `from`'s copy or empty. */
struct field_build {
    struct store *store;
    size_t records, table; /* the tables */
    const struct record_shape *shape;
    const struct tracked_fields *fields;
    struct arena *arena;
};
int field_index_build(const struct field_build *build, const struct field_progress *from,
                      struct field_progress *ret, struct reel_error *error);

/* ---- Keys ------------------------------------------------------------------------------------ */

/* Appends what the keys of a field's entries begin with. */
void field_key_begin(struct text *to, uint8_t first, uint8_t at);

/* The value and the record's key in an entry's key. False: it is none of this field. */
bool field_key_split(struct reel_str bytes, const struct tracked_field *field,
                     struct field_encoded *ret_value, struct reel_str *ret_key);

#endif
