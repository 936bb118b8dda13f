/* answer_send.h: sending an answer, made or from the cache. */
#ifndef REEL_SINKS_HTTP_ANSWER_SEND_H
#define REEL_SINKS_HTTP_ANSWER_SEND_H

#include "answer.h"

/* Sends the answer, which is empty afterwards. `wants_cors`: browsers are told who may read it, as
 * answers to GET and OPTIONS do. */
enum MHD_Result answer_send(struct answer *answer, struct server *server,
                            struct MHD_Connection *connection, bool wants_cors);

/* Appends the head of the answer as text, for a connection on which somebody else sends it. The
 * head does not tell the length of the body: the body ends with the connection. */
void answer_send_head(struct answer *answer, struct server *server,
                      struct MHD_Connection *connection, struct text *to);

#endif
