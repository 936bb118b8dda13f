/* setting_checks.h: what the daemon's own settings may be, by what they are used for. Each is a
 * `check` of struct reel_setting (sink.h). */
#ifndef REEL_DAEMON_SETTING_CHECKS_H
#define REEL_DAEMON_SETTING_CHECKS_H

#include "base/error.h"

/* A URI-reference that is not empty: what CloudEvents says a source is. */
bool check_source(const char *value, struct reel_error *error);

/* Addresses of NATS servers with commas or spaces between them, as the client library reads them:
 * `nats://` or `tls://` or neither, `user:password@` or `token@` or neither, host, port or none. */
bool check_servers(const char *value, struct reel_error *error);

/* A name that JetStream allows for a stream. */
bool check_stream(const char *value, struct reel_error *error);

/* A NATS subject, with or without wildcards. */
bool check_subjects(const char *value, struct reel_error *error);

#endif
