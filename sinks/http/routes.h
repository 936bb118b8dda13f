/* routes.h: which request is for whom. One table: method, path, who may, what parameters. */
#ifndef REEL_SINKS_HTTP_ROUTES_H
#define REEL_SINKS_HTTP_ROUTES_H

#include "request.h"

struct route {
    enum method method;
    const char *path;          /* "/v1/{collection}/{key}": a part in braces is any */
    reel_access access;        /* what its sender must be allowed */
    const char *const *params; /* NULL-terminated: the parameters that it knows */
    bool takes_filters;        /* and a collection's */
    bool is_kept;      /* its 200s depend on the target, and on what is committed (kept.h) */
    bool takes_bearer; /* a token may come as a sub-protocol, `bearer.<token>` */
    uint64_t (*body_max)(const struct server *server); /* NULL: it takes none */
    void (*handle)(struct request *request);
    const char *summary; /* for the description of the API */
};

/* NULL-terminated. The first that fits counts. */
extern const struct route *const routes[];

/* Finds its route, and checks what can be checked before the body: 0, or a problem is the
 * answer. */
int route_request(struct request *request);

/* ---- Handlers -------------------------------------------------------------------------------- */

void handle_options(struct request *request);
void handle_list(struct request *request);
void handle_get(struct request *request);
void handle_get_by_name(struct request *request);
void handle_command(struct request *request);
void handle_command_by_name(struct request *request);

/* The key of the one record that the target names (records.c); else a problem is the answer. */
int record_find_named(struct request *request, struct text *ret_key);

/* And of the one whose key has this name (key_name.h), likewise. */
int record_find_key(struct request *request, struct reel_str name, struct text *ret_key);

void handle_post_events(struct request *request);
void handle_events(struct request *request);
void handle_websocket(struct request *request);
void handle_stream(struct request *request);
void handle_event(struct request *request);
void handle_raw_event(struct request *request);
void handle_rejected(struct request *request);
void handle_status(struct request *request);
void handle_plugins(struct request *request);
void handle_version(struct request *request);
void handle_openapi(struct request *request);
void handle_metrics(struct request *request);
void handle_health(struct request *request);
void handle_ready(struct request *request);

#endif
