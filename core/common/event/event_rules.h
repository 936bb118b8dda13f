/* event_rules.h: is this JSON value a CloudEvent?
 *
 * The rules are those of CloudEvents 1.0.2 and its JSON event format, as strict as they say MUST,
 * with these decisions of ours:
 *   - specversion is "1.0".
 *   - An attribute that is null counts as absent (JSON format, section 2.2); so does data_base64.
 *   - No name may be there twice: of which the last would count, others might read the first.
 *   - An extension is a string, a boolean or an integer of 32 bits signed. Its name may be longer
 *     than the 20 characters that the specification recommends, and a string may have control
 *     characters, which it forbids: senders of old have both, and JSON carries them unharmed.
 *   - data may be of any kind, whatever datacontenttype says of it.
 */
#ifndef REEL_EVENT_EVENT_RULES_H
#define REEL_EVENT_EVENT_RULES_H

#include "base/arena.h"
#include "base/error.h"

/* -EINVAL, and a sentence that names the attribute; or -ENOMEM. The arena gets a list of the
 * names. */
int event_rules_check(struct reel_value event, struct arena *arena, struct reel_error *error);

/* [a-z0-9]+, and not `data`, which is reserved. */
bool event_rules_name_valid(struct reel_str name);

/* What a sentence may show of text from outside: at most 64 bytes of valid UTF-8, and a NUL. */
struct shown {
    char text[65];
};
struct shown shown_of(struct reel_str str);

#endif
