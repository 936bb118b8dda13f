/* answer_send.h: sends an answer, made or cached. */
#ifndef REEL_SINKS_HTTP_ANSWER_SEND_H
#define REEL_SINKS_HTTP_ANSWER_SEND_H

#include "answer.h"

/* Sends the answer, and empties it. `wants_cors`: adds the headers that allow pages in browsers to
 * read it, for GET and OPTIONS. */
enum MHD_Result answer_send(struct answer *answer, struct server *server,
                            struct MHD_Connection *connection, bool wants_cors);

/* Appends the head of the answer as text, for a connection that is no longer used by libmicrohttpd.
 * The head has no length: the body ends with the connection. */
void answer_send_head(struct answer *answer, struct server *server,
                      struct MHD_Connection *connection, struct text *to);

/* Appends the complete answer as text, for such a connection, which is closed after it; and empties
 * it. */
void answer_write(struct answer *answer, struct server *server, struct text *to);

#endif
