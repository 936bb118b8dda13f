/* event_rules.h: checks whether a JSON value is a CloudEvent.
 *
 * The rules are the MUSTs of CloudEvents 1.0.2 and its JSON event format, with these decisions:
 *   - specversion is "1.0".
 *   - An attribute that is null counts as absent (JSON format, section 2.2); so does data_base64.
 *   - A name must not occur twice. Reel would use the last member, and other programs the first.
 *   - An extension is a string, a boolean or a signed integer of 32 bits. Its name may be longer
 *     than the 20 characters that the specification recommends, and a string may have control
 *     characters, which the specification forbids. Older senders use both, and JSON can hold them.
 *   - data may be of any kind, also if datacontenttype names another one.
 */
#ifndef REEL_EVENT_EVENT_RULES_H
#define REEL_EVENT_EVENT_RULES_H

#include "base/arena.h"
#include "base/error.h"

/* -EINVAL, with a sentence that names the attribute; or -ENOMEM. The list of names is stored in the
 * arena. */
int event_rules_check(struct reel_value event, struct arena *arena, struct reel_error *error);

/* True for [a-z0-9]+, except `data`, which is reserved. */
bool event_rules_name_valid(struct reel_str name);

/* Text from outside, for a sentence: at most 64 bytes of valid UTF-8, and a NUL. */
struct shown {
    char text[65];
};
struct shown shown_of(struct reel_str str);

#endif
