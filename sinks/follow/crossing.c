/* crossing.c: see crossing.h. */
#include "follow/crossing.h"

#include "base/clock.h"
#include "base/invariant.h"
#include "follow/tail.h"

#include <errno.h>
#include <stdlib.h>

/* Records that are compared in one turn; and ms until the next one, however many followers wait:
 * others have their turns, too. */
#define COMPARED_MAX     4096
#define COMPARE_PAUSE_MS 5

/* Of records that are compared in one turn, and one record more. */
#define SLICE_BYTES ((size_t)1 << 20)

/* In the length of a key that the new records do not have. */
#define IS_GONE UINT32_C(0x80000000)

/* Why a walk was ended. */
enum { WALK_FULL = 1 };

/* ---- Life ------------------------------------------------------------------------------------ */

static void side_finish(const struct crossing *crossing, struct crossing_side *side) {
    reel_sink_view_close(crossing->host, side->view);
    *side = (struct crossing_side){0};
}

/* A place is for views. */
static bool take_place(struct crossing *crossing) {
    struct crossings *all = crossing->all;
    if (!crossing->has_place && all->taken < all->places) {
        crossing->has_place = true;
        all->taken++;
    }
    return crossing->has_place;
}

static void settle_place(struct crossing *crossing) {
    if (!crossing->has_place || crossing->kept.view || crossing->state != CROSSING_NONE) return;
    INVARIANT(crossing->all->taken > 0);
    crossing->has_place = false;
    crossing->all->taken--;
}

static void give_up(struct crossing *crossing) {
    side_finish(crossing, &crossing->from);
    side_finish(crossing, &crossing->to);
    text_finish(&crossing->keys);
    text_finish(&crossing->after);
    crossing->keys = crossing->after = (struct text){0};
    crossing->state = CROSSING_NONE;
    settle_place(crossing);
}

/* If plugins were reloaded, the last worker's records are the old ones. */
static void keep_before(struct crossing *crossing) {
    struct crossing_side before = {.view = NULL};
    struct reel_collection_info info;
    if (reel_sink_view_before(crossing->host, &before.view) < 0) return;
    int rc =
        crossing_look(crossing->host, before.view, crossing->collection, &before.position, &info);
    if (rc < 0 || !info.served || !take_place(crossing)) {
        reel_sink_view_close(crossing->host, before.view);
        return;
    }
    before.generation = info.generation;
    crossing->kept = before;
}

struct crossing *crossing_ref(struct crossings *all, struct reel_sink_host *host,
                              const char *collection) {
    struct crossing *crossing = all->first;
    while (crossing && crossing->collection != collection) crossing = crossing->next;
    if (!crossing) {
        crossing = calloc(1, sizeof *crossing);
        if (!crossing) return NULL;
        crossing->all = all;
        crossing->host = host;
        crossing->collection = collection;
        crossing->next = all->first;
        all->first = crossing;
        keep_before(crossing);
    }
    crossing->streams++;
    return crossing;
}

void crossing_unref(struct crossing *crossing) {
    if (!crossing || --crossing->streams > 0) return;
    INVARIANT(crossing->cursors == 0);
    struct crossing **at = &crossing->all->first;
    while (*at != crossing) at = &(*at)->next;
    *at = crossing->next;
    side_finish(crossing, &crossing->kept);
    give_up(crossing);
    free(crossing);
}

void crossing_tidy(struct crossing *crossing) {
    if (crossing->state == CROSSING_NONE || crossing->cursors > 0) return;
    if (clock_ms() < crossing->used_ms + CROSSING_MS) return;
    give_up(crossing);
}

/* ---- Views ----------------------------------------------------------------------------------- */

int crossing_look(struct reel_sink_host *host, struct reel_view *view, const char *collection,
                  struct reel_position *ret_position, struct reel_collection_info *ret_info) {
    int rc = reel_sink_position(host, view, ret_position);
    if (rc == 0) rc = reel_sink_collection(host, view, collection, ret_info);
    if (rc == 0 && ret_info->cursor < ret_position->cursor) ret_position->cursor = ret_info->cursor;
    return rc;
}

/* The kept view has the old records, and this one the new ones. */
static void begin_take(struct crossing *crossing, const struct crossing_side *to) {
    give_up(crossing);
    crossing->from = crossing->kept;
    crossing->kept = (struct crossing_side){0};
    crossing->to = *to;
    crossing->is_second = crossing->has_after = false;
    crossing->used_ms = clock_ms();
    crossing->number++;
    crossing->state = CROSSING_COMPARING;
}

void crossing_saw_take(struct crossing *crossing, struct reel_view *view,
                       const struct reel_position *position,
                       const struct reel_collection_info *info) {
    struct crossing_side *kept = &crossing->kept;
    const struct crossing_side seen = {view, *position, info->generation};
    bool is_same_log = kept->view && tail_is_same(&kept->position.epoch, &position->epoch);
    if (is_same_log && kept->generation != info->generation) {
        begin_take(crossing, &seen);
        return;
    }
    side_finish(crossing, kept);
    if (info->rebuilding && take_place(crossing))
        *kept = seen;
    else
        reel_sink_view_close(crossing->host, view);
    settle_place(crossing);
}

static bool is_of(const struct crossing_side *side, const struct reel_epoch *epoch,
                  uint64_t generation) {
    return side->view && side->generation == generation &&
           tail_is_same(&side->position.epoch, epoch);
}

struct reel_view *crossing_old_view(const struct crossing *crossing, const struct reel_epoch *epoch,
                                    uint64_t generation) {
    if (crossing->state == CROSSING_NONE) return NULL;
    return is_of(&crossing->from, epoch, generation) ? crossing->from.view : NULL;
}

bool crossing_begins(const struct crossing *crossing, const struct reel_epoch *epoch,
                     uint64_t generation, uint64_t seq) {
    return crossing_old_view(crossing, epoch, generation) && seq == crossing->from.position.cursor;
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static int add_key(struct crossing *crossing, struct reel_str key, bool is_gone) {
    struct text *keys = &crossing->keys;
    uint32_t len = (uint32_t)key.len;
    if (keys->len + sizeof len + key.len > CROSSING_BYTES_MAX) return -E2BIG;
    if (is_gone) len |= IS_GONE;
    text_append(keys, (const char *)&len, sizeof len);
    text_append_str(keys, key);
    return keys->failed ? -ENOMEM : 0;
}

bool crossing_key_at(const struct crossing *crossing, size_t at, struct crossing_key *ret) {
    uint32_t len;
    if (at == crossing->keys.len) return false;
    INVARIANT(at + sizeof len <= crossing->keys.len);
    memcpy(&len, crossing->keys.data + at, sizeof len);
    ret->is_gone = len & IS_GONE;
    ret->key = (struct reel_str){crossing->keys.data + at + sizeof len, len & ~IS_GONE};
    ret->next = at + sizeof len + ret->key.len;
    return true;
}

/* A slice of a walk: the records, one after the other: both lengths, key, and JSON. They are looked
 * up in the other view when the walk has ended: no thread is ever in two views at once. */
struct slice {
    struct crossing *crossing;
    struct text rows;
    size_t count;
};

struct slice_row {
    uint32_t key_len, json_len;
};

static int take_row(void *context, const struct reel_row *row) {
    struct slice *slice = context;
    const struct slice_row lens = {(uint32_t)row->key.len, (uint32_t)row->json.len};
    if (slice->count == COMPARED_MAX || slice->rows.len > SLICE_BYTES) return WALK_FULL;
    slice->count++;
    text_append(&slice->rows, (const char *)&lens, sizeof lens);
    text_append_str(&slice->rows, row->key);
    text_append_str(&slice->rows, row->json);
    return slice->rows.failed ? -ENOMEM : 0;
}

/* A record that is looked up in the other view. */
struct sought {
    struct reel_str json;
    bool is_equal;
};

static int see_other(void *context, const struct reel_row *row) {
    struct sought *sought = context;
    sought->is_equal = str_compare(row->json, sought->json) == 0;
    return 0;
}

/* Of the second walk, all that the first one has seen was compared. */
static int compare_row(struct crossing *crossing, struct reel_str key, struct reel_str json) {
    struct reel_view *other = crossing->is_second ? crossing->from.view : crossing->to.view;
    struct sought sought = {.json = json};
    int rc = reel_sink_get(crossing->host, other, crossing->collection, key, see_other, &sought);
    if (rc < 0 && rc != -ENOENT) return rc;
    if (rc == 0 && (crossing->is_second || sought.is_equal)) return 0;
    return add_key(crossing, key, rc < 0 && !crossing->is_second);
}

/* The next slice begins after the last record of this one. */
static int compare_rows(const struct slice *slice) {
    struct crossing *crossing = slice->crossing;
    struct slice_row lens;
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < slice->rows.len;
         at += sizeof lens + lens.key_len + lens.json_len) {
        memcpy(&lens, slice->rows.data + at, sizeof lens);
        struct reel_str key = {slice->rows.data + at + sizeof lens, lens.key_len};
        rc = compare_row(crossing, key, (struct reel_str){key.data + key.len, lens.json_len});
        crossing->after.len = 0;
        text_append_str(&crossing->after, key);
        crossing->has_after = true;
    }
    return rc == 0 && crossing->after.failed ? -ENOMEM : rc;
}

/* The rest of a walk, up to the end of the slice. */
static int compare_slice(struct crossing *crossing) {
    struct reel_view *view = crossing->is_second ? crossing->to.view : crossing->from.view;
    struct reel_str from =
        crossing->has_after ? text_str(&crossing->after) : (struct reel_str){"", 0};
    struct slice slice = {.crossing = crossing};
    int rc = reel_sink_list(crossing->host, view, crossing->collection, from, crossing->has_after,
                            take_row, &slice);
    int compared = rc == 0 || rc == WALK_FULL ? compare_rows(&slice) : 0;
    text_finish(&slice.rows);
    return compared < 0 ? compared : rc;
}

int crossing_compare(struct crossing *crossing) {
    INVARIANT(crossing->state != CROSSING_NONE);
    uint64_t now_ms = clock_ms();
    if (crossing->state == CROSSING_READY) crossing->used_ms = now_ms;
    if (crossing->state == CROSSING_READY) return 1;
    if (now_ms < crossing->used_ms + COMPARE_PAUSE_MS) return 0;
    int rc = compare_slice(crossing);
    if (rc == 0 && !crossing->is_second) {
        crossing->is_second = true;
        crossing->has_after = false;
        rc = WALK_FULL;
    }
    crossing->used_ms = clock_ms();
    if (rc == WALK_FULL) return 0;
    if (rc < 0) {
        give_up(crossing);
        return rc;
    }
    reel_sink_view_close(crossing->host, crossing->to.view);
    crossing->to.view = NULL;
    crossing->state = CROSSING_READY;
    return 1;
}
