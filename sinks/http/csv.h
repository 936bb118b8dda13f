/* csv.h: records as lines of CSV (RFC 4180). A null is nothing, an empty string a pair of quotes.
 * What is not a string is its JSON text. */
#ifndef REEL_SINKS_HTTP_CSV_H
#define REEL_SINKS_HTTP_CSV_H

#include "base/text.h"
#include "json/parser.h"

#include <reel/projector.h>

/* The line with the names of the fields. */
void csv_append_header(struct text *to, const struct reel_projector *projector);

/* The line of a record. -ENOMEM. */
int csv_append_record(struct text *to, const struct reel_projector *projector,
                      struct json_parser *parser, struct reel_str json);

/* One value; the caller writes the comma before it or the end of the line. */
void csv_append_value(struct text *to, struct reel_str value);

#endif
