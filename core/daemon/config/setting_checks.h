/* setting_checks.h: checks of the daemon's own settings. Each is a `check` of struct reel_setting
 * (sink.h). */
#ifndef REEL_DAEMON_SETTING_CHECKS_H
#define REEL_DAEMON_SETTING_CHECKS_H

#include "base/error.h"

/* A URI-reference that is not empty, as CloudEvents require for `source`. */
bool check_source(const char *value, struct reel_error *error);

/* Addresses of NATS servers, separated by commas or spaces, as the client library reads them: an
 * optional `nats://` or `tls://`, an optional `user:password@` or `token@`, a host, an optional
 * port. */
bool check_servers(const char *value, struct reel_error *error);

/* FILE=SHA256, with 64 hexadecimal digits. */
bool check_pin(const char *value, struct reel_error *error);

/* A name that JetStream allows for a stream. */
bool check_stream(const char *value, struct reel_error *error);

/* A NATS subject, with or without wildcards. */
bool check_subjects(const char *value, struct reel_error *error);

#endif
