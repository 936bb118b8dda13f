/* routes.h: the table of routes: method, path, access, parameters. */
#ifndef REEL_SINKS_HTTP_ROUTES_H
#define REEL_SINKS_HTTP_ROUTES_H

#include "request.h"

struct route {
    enum method method;
    const char *path;          /* "/v1/{collection}/{key}": a part in braces matches any segment */
    reel_access access;        /* the access that the sender needs */
    const char *const *params; /* the parameters that it accepts, NULL-terminated */
    bool takes_filters;        /* it also accepts the filters of the collection */
    enum form forms; /* it has those before this one: Accept chooses; 0: it has one form */
    bool is_cached;  /* its answers with status 200 depend only on the target and the newest commit
                        (cache.h) */
    bool looks_back; /* at the past: it needs REEL_ACCESS_HISTORY */
    bool is_page;    /* of the console, for people: not part of the API */
    bool takes_bearer; /* accepts a token as a sub-protocol, `bearer.<token>` */
    uint64_t (*body_max)(const struct server *server); /* largest body; NULL: no body is accepted */
    void (*handle)(struct request *request);
    const char *summary; /* for the description of the API */
};

/* NULL-terminated. The first route that matches is used. */
extern const struct route *const routes[];

/* Finds the route, and does the checks that are possible before the body arrives. Returns 0, or the
 * answer is a problem. */
int route_request(struct request *request);

/* ---- Handlers -------------------------------------------------------------------------------- */

void handle_options(struct request *request);
void handle_list(struct request *request);
void handle_get(struct request *request);
void handle_get_by_name(struct request *request);
void handle_history(struct request *request);
void handle_command(struct request *request);
void handle_command_by_name(struct request *request);

/* Converts a key from a client (records.c). False: it cannot be a key of this collection, and the
 * answer is a problem. */
bool record_read_key(struct request *request, struct reel_str given, struct reel_key *ret);

/* Finds the key of the record that the target names (records.c). If it fails, the answer is a
 * problem. */
int record_find_named(struct request *request, struct text *ret_key);

/* Finds the record whose key has this name (key_find.h), in the same way. */
int record_find_key(struct request *request, struct reel_str name, struct text *ret_key);

void handle_post_events(struct request *request);
void handle_events(struct request *request);
void handle_websocket(struct request *request);
void handle_ingest(struct request *request);
void handle_stream(struct request *request);
void handle_records_websocket(struct request *request);
void handle_event(struct request *request);
void handle_raw_event(struct request *request);
void handle_rejected(struct request *request);
void handle_reasons(struct request *request);
void handle_status(struct request *request);
void handle_collections(struct request *request);
void handle_collection(struct request *request);
void handle_control(struct request *request);
void handle_reload(struct request *request);
void handle_plugins(struct request *request);
void handle_version(struct request *request);
void handle_openapi(struct request *request);
void handle_asyncapi(struct request *request);
void handle_metrics(struct request *request);
void handle_health(struct request *request);
void handle_ready(struct request *request);
void handle_console(struct request *request);

#endif
