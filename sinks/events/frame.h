/* frame.h: the frames that followers receive: one JSON object, on one line, for an event or a
 * record.
 *
 *     {"seq":7,"event":{…}}                        the event as it was published
 *     {"seq":7,"event":null,"error":"…"}           it was not JSON, or too large to be stored
 *     {"seq":7}                                    a position: no further frame up to 7 will come
 *     {"seq":7,"gap":true}             messages of the stream were never received; 7 is the last
 *     {"seq":7,"collection":"cells","key":"c1","record":{…}}    or null: it was deleted
 *     {"seq":7,"key":"c1","record":{…}}            the same for followers of one collection; or
 *                                                  null: it was deleted, or the filter leaves it
 * out
 *     {"seq":7,"generation":1}                     and their position: the copy is the collection
 *                                                  as of 7. Also "snapshot":true, "digest":"…"
 *
 * A frame has no terminator. The sender adds what must stand between two frames.
 */
#ifndef REEL_SINKS_EVENTS_FRAME_H
#define REEL_SINKS_EVENTS_FRAME_H

#include "base/text.h"

#include <reel/view.h>

void frame_event(struct text *text, const struct reel_entry *entry);
void frame_position(struct text *text, uint64_t seq);
void frame_record(struct text *text, const struct reel_changed_row *changed);

/* A change of one collection. If the filter leaves the record out, it is given without JSON. */
void frame_change(struct text *text, const struct reel_row *row);

/* The position of a follower of one collection. */
struct frame_point {
    uint64_t seq, generation;
    bool is_snapshot;   /* it ends the snapshot */
    const char *digest; /* or NULL */
};
void frame_point(struct text *text, const struct frame_point *point);

#endif
