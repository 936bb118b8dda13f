/* subject.h: the NATS subjects that events are published under, and filters on them.
 *
 * A subject is tokens between dots:
 *     cellos.events.<collection>.<key>.<phase>    what a command made
 *     cellos.events.event.<type>                  any other event
 * An event that no stream has carried has its subject all the same, so that filters are the same
 * everywhere. In a filter a token `*` stands for any one token and `>`, which can only be the last,
 * for one or more. (NATS documentation, "Subject-Based Messaging".)
 */
#ifndef REEL_EVENT_SUBJECT_H
#define REEL_EVENT_SUBJECT_H

#include "base/text.h"

#define SUBJECT_ROOT "cellos.events"

/* A part is at most so long: what would be longer is hashed. */
#define SUBJECT_PART_MAX 128

/* Writes any bytes as one token and returns its length: percent-encoded outside [A-Za-z0-9_-]. No
 * bytes at all are `%`; if the token were longer than SUBJECT_PART_MAX, it is the FNV-1a hash of
 * 128 bits of the bytes, as 32 hexadecimal digits. */
size_t subject_write_part(char to[SUBJECT_PART_MAX], struct reel_str part);
void subject_append_part(struct text *text, struct reel_str part);

/* Tokens that are neither empty nor have white space, control characters or a wildcard that does
 * not stand alone. */
bool subject_filter_valid(struct reel_str filter);

/* Does a valid filter match? Tokens are compared byte by byte. `subject` may be a filter, too: does
 * the one match whatever the other does? */
bool subject_matches(struct reel_str filter, struct reel_str subject);

#endif
