/* filters.h: conditions on fields, as the user writes them, and options, as parameters of a
 * request.
 */
#ifndef REEL_CLIENT_FILTERS_H
#define REEL_CLIENT_FILTERS_H

#include "base/text.h"
#include "client/args.h"

/* Appends "NAME=VALUE" to a target, percent-encoded, after a "?" or "&". */
void filters_param(struct text *to, struct reel_str name, struct reel_str value);

/* Appends the value of an option, if it was given. */
void filters_option(struct text *to, const struct args *args, const char *option, const char *name);

/* Appends the options that choose events: --type, --subject and --ce-subject. */
void filters_of_events(struct text *to, const struct args *args);

/* Appends a condition: FIELD=VALUE, FIELD>=VALUE, FIELD>VALUE, FIELD<=VALUE, FIELD<VALUE; FIELD may
 * end with .gte, .gt, .lte, .lt, .is or .eq. */
int filters_append(struct text *to, const char *condition, struct failure *failure);

/* Appends the operands after the first one, which are conditions. */
int filters_of_operands(struct text *to, const struct args *args, struct failure *failure);

#endif
