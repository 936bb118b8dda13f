/* frame.h: what followers are sent: one JSON object, on one line, for an event or a record.
 *
 *     {"seq":7,"event":{…}}                        the event as it was published
 *     {"seq":7,"event":null,"error":"…"}           what was no JSON, or too large to be kept
 *     {"seq":7}                                    a position: nothing up to 7 is still to come
 *     {"seq":7,"gap":true}             messages of the stream were never received; 7 is the last
 *     {"seq":7,"collection":"cells","key":"c1","record":{…}}    or null: it was deleted
 *
 * Frames have no end of their own: whoever sends them knows what goes between two.
 */
#ifndef REEL_SINKS_EVENTS_FRAME_H
#define REEL_SINKS_EVENTS_FRAME_H

#include "base/text.h"

#include <reel/view.h>

void frame_event(struct text *text, const struct reel_entry *entry);
void frame_position(struct text *text, uint64_t seq);
void frame_record(struct text *text, const struct reel_changed_row *changed);

#endif
