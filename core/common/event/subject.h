/* subject.h: the NATS subjects under which events are published, and filters for them.
 *
 * A subject consists of tokens separated by dots:
 *     cellos.events.<collection>.<key>.<phase>    what a command made
 *     cellos.events.event.<type>                  any other event
 * An event that was not received from a stream has such a subject, too, so that filters work for
 * all events. In a filter, the token `*` matches any one token. `>`, which can only be the last
 * token, matches one or more tokens. (NATS documentation, "Subject-Based Messaging".)
 */
#ifndef REEL_EVENT_SUBJECT_H
#define REEL_EVENT_SUBJECT_H

#include "base/text.h"

#define SUBJECT_ROOT "cellos.events"

/* Longest part. A longer part is replaced by its hash. */
#define SUBJECT_PART_MAX 128

/* Writes any bytes as one token, percent-encoded outside of [A-Za-z0-9_-]; returns its length. If
 * there are no bytes, the token is `%`. If the token would be longer than SUBJECT_PART_MAX, it is
 * the 128-bit FNV-1a hash of the bytes, as 32 hexadecimal digits. */
size_t subject_write_part(char to[SUBJECT_PART_MAX], struct reel_str part);
void subject_append_part(struct text *text, struct reel_str part);

/* True if no token is empty, or contains white space, control characters, or a wildcard next to
 * other characters. */
bool subject_filter_valid(struct reel_str filter);

/* True if a valid filter matches the subject. Tokens are compared byte by byte. `subject` may be a
 * filter, too: then true if `filter` matches every subject that `subject` matches. */
bool subject_matches(struct reel_str filter, struct reel_str subject);

#endif
