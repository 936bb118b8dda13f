/* client.h: what a command has: its arguments, the server, and where its output goes. */
#ifndef REEL_CLIENT_CLIENT_H
#define REEL_CLIENT_CLIENT_H

#include "client/args.h"
#include "client/grid.h"
#include "client/http.h"

struct client {
    struct args args;
    struct access access;
    struct http *http; /* of `access`; NULL for commands without a server */
    struct terminal out, err;
    bool is_quiet;
    int64_t now_ns;  /* ages are reckoned from here */
    json_t *plugins; /* /v1/plugins, once it was asked for */
};

/* The form of the output. */
enum form { FORM_TABLE, FORM_WIDE, FORM_JSON, FORM_NDJSON, FORM_CSV };
static inline bool form_is_table(enum form form) {
    return form == FORM_TABLE || form == FORM_WIDE;
}

/* Reads option -o. `forms` are those that the command has, as bits. */
#define FORM_BIT(form) (1u << (form))
#define FORMS_TABLES   (FORM_BIT(FORM_TABLE) | FORM_BIT(FORM_WIDE))
#define FORMS_JSON     (FORM_BIT(FORM_JSON) | FORM_BIT(FORM_NDJSON))
int client_form(const struct client *client, unsigned forms, enum form *ret,
                struct failure *failure);

/* Fails unless there are so many operands. `usage` says what they are. */
int client_operands(const struct client *client, size_t least, size_t most, const char *usage,
                    struct failure *failure);

/* Prints a remark to standard error, unless --quiet is given. The text is made harmless. */
REEL_PRINTF(2, 3)
void client_remark(const struct client *client, const char *format, ...);

/* Prints JSON over several lines. */
int client_print_json(const struct client *client, const json_t *json, struct failure *failure);

/* Prints formatted text to standard output. The text is made harmless. */
REEL_PRINTF(2, 3)
void client_print(const struct client *client, const char *format, ...);

/* Prints an empty line, and a title. */
void client_print_title(const struct client *client, const char *title);

/* Prints the rows of a grid, as grid_print does. */
int client_print_grid(const struct client *client, struct grid *grid, struct failure *failure);

/* "reel get": a command, and what the help says. */
struct command {
    const char *name;
    const char *usage;                 /* without "reel NAME" */
    const char *summary;               /* one line */
    const char *help;                  /* paragraphs; may be NULL */
    const struct option_spec *options; /* ends with a NULL name; NULL: none */
    bool needs_no_server;
    bool is_hidden;
    bool takes_words; /* every argument is an operand */
    int (*run)(struct client *client, struct failure *failure);
};
extern const struct command *const commands[]; /* in main.c; ends with NULL */
const struct command *command_find(const char *name);

extern const struct command command_admin, command_compare, command_complete, command_completion,
    command_describe, command_events, command_export, command_get, command_help, command_import,
    command_plugins, command_rejected, command_run, command_send, command_status;

#endif
