/* scribbler.c: a plugin that writes where it must not.
 *     test.scribble.v1.keep    sets `text` of the record named by the event's subject to data.text
 *     test.scribble.v1.stray   changes a byte of each copy of the marker that this process has in
 *                              memory of its heap, if SCRIBBLE is in the environment
 *
 * The host lends values in copies, so a projector cannot reach what is stored through them; a stray
 * write can. It is found by looking through the heap for a text that only a record has. The heap is
 * read through /proc, because other threads may unmap it meanwhile; the write is a plain one. */
#include <reel/projector.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARKER_LEN 24
#define LOOK_BYTES ((size_t)64 << 10)
#define MAP_MAX    ((uintptr_t)1 << 30)

static char look[LOOK_BYTES];

/* The marker is put together, so that this object has no copy of it. */
static void make_marker(char ret[MARKER_LEN + 1]) {
    memcpy(ret, "0123456789ab", MARKER_LEN / 2);
    for (size_t i = 0; i < MARKER_LEN / 2; i++)
        ret[MARKER_LEN / 2 + i] = ret[MARKER_LEN / 2 - 1 - i];
    ret[MARKER_LEN] = '\0';
}

static bool is_ours(uintptr_t at, const char *marker) {
    return (at >= (uintptr_t)look && at < (uintptr_t)look + sizeof look) || at == (uintptr_t)marker;
}

static void scribble(int memory, uintptr_t from, uintptr_t to, const char *marker) {
    for (uintptr_t at = from; at < to; at += LOOK_BYTES - MARKER_LEN) {
        size_t len = to - at < LOOK_BYTES ? to - at : LOOK_BYTES;
        if (pread(memory, look, len, (off_t)at) != (ssize_t)len) return;
        for (char *found = look;
             (found = memmem(found, (size_t)(look + len - found), marker, MARKER_LEN)); found++) {
            uintptr_t place = at + (uintptr_t)(found - look);
            if (!is_ours(place, marker)) *(volatile char *)place = 'X';
        }
    }
}

/* "55d0c0000000-55d0c0021000 rw-p 00000000 00:00 0     [heap]"; of an arena, without a name. */
static bool is_heap(const char *line, uintptr_t *ret_from, uintptr_t *ret_to) {
    char access[5] = "", name[8] = "";
    int count = sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %*s %7s", ret_from, ret_to,
                       access, name);
    return count >= 3 && strcmp(access, "rw-p") == 0 && *ret_to - *ret_from < MAP_MAX &&
           (count == 3 || strncmp(name, "[heap]", 6) == 0);
}

static void scribble_all(void) {
    char line[512], marker[MARKER_LEN + 1];
    uintptr_t from, to;
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");
    make_marker(marker);
    while (memory >= 0 && maps && fgets(line, sizeof line, maps))
        if (is_heap(line, &from, &to)) scribble(memory, from, to, marker);
    if (maps) fclose(maps);
    if (memory >= 0) close(memory);
}

static const struct reel_field text = {
    .struct_size = sizeof(struct reel_field), .name = "text", .kind = REEL_FIELD_JSON};
static const struct reel_field *const fields[] = {&text, NULL};

static const char *const type_prefixes[] = {"test.scribble.v1.", NULL};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    if (reel_str_is(event->suffix, "stray")) {
        if (getenv("SCRIBBLE")) scribble_all();
        return REEL_IGNORED;
    }
    if (!event->subject.data) return reel_reject(tx, "event missing subject");
    struct reel_record *record = reel_upsert(tx, event->subject);
    reel_set_json(record, "text", reel_get(event->data, "text"));
    return REEL_APPLIED;
}

static const struct reel_projector projector = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "scribbles",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&projector, NULL};

REEL_PLUGIN("scribbler", "1.0.0", projectors, NULL);
