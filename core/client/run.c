/* run.c: `reel run`: a command of a collection, with a body made from its declared members. */
#include "base/cleanup.h"
#include "client/get.h"
#include "client/input.h"
#include "client/problem.h"

#define BODY_BYTES_MAX ((size_t)16 << 20)
#define DEPTH_MAX      16

/* ---- The body -------------------------------------------------------------------------------- */

/* The declared kind of a member: of `a.b`, the member b of the object a. "": not declared. */
static const char *kind_of(const json_t *members, const char *name) {
    size_t len = strcspn(name, ".");
    char first[256];
    if (len >= sizeof first) return "";
    memcpy(first, name, len);
    first[len] = '\0';
    const json_t *member = catalog_find(members, "name", first);
    if (!member) return "";
    return name[len] ? kind_of(json_object_get(member, "members"), name + len + 1)
                     : catalog_text(member, "kind");
}

static bool is_text(const char *kind) {
    return strcmp(kind, "string") == 0 || strcmp(kind, "time") == 0 || strcmp(kind, "one_of") == 0;
}

/* A value that is declared as text, or not at all, is text; of another kind it is JSON. Of the kind
 * `json`, it is JSON if it can be read so. */
static int read_value(const char *name, const char *value, bool is_json, const char *kind,
                      json_t **ret, struct failure *failure) {
    if (!is_json && (!kind[0] || is_text(kind))) {
        *ret = json_string(value);
        return *ret ? 0 : failure_usage(failure, "the value of `%s` is not UTF-8", name);
    }
    *ret = exact_json_read(reel_text(value));
    if (*ret) return 0;
    if (!is_json && strcmp(kind, "json") == 0) { /* anything: also text without quotes */
        *ret = json_string(value);
        if (*ret) return 0;
    }
    failure_usage(failure, "the value of `%s` is not JSON", name);
    return failure_advise(failure, EXIT_USAGE,
                          kind[0] ? "It is declared as %s." : "NAME:=VALUE wants JSON%s.",
                          kind[0] ? kind : "");
}

/* Sets a member of `body`; of `a.b`, a member of the object a. */
static int set_member(json_t *body, const char *name, json_t *value, struct failure *failure) {
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        size_t len = strcspn(name, ".");
        AUTO_FREE char *first = str_copy((struct reel_str){name, len});
        if (!first) break;
        if (!name[len]) {
            if (json_object_set(body, first, value) < 0) break;
            return 0;
        }
        if (!json_is_object(json_object_get(body, first)) &&
            json_object_set_new(body, first, json_object()) < 0)
            break;
        body = json_object_get(body, first);
        name += len + 1;
    }
    return failure_usage(failure, "`%s` cannot be the name of a member", name);
}

/* "NAME=VALUE" or "NAME:=JSON". */
static int add_member(json_t *body, const json_t *members, const char *operand,
                      struct failure *failure) {
    size_t len = strcspn(operand, "=");
    bool is_json = len > 0 && operand[len - 1] == ':';
    AUTO_FREE char *name = str_copy((struct reel_str){operand, is_json ? len - 1 : len});
    json_t *value = NULL;
    if (!name) return failure_memory(failure);
    if (!operand[len] || !name[0])
        return failure_usage(failure, "`%s` is not a member: wanted NAME=VALUE or NAME:=JSON",
                             operand);
    int code =
        read_value(name, operand + len + 1, is_json, kind_of(members, name), &value, failure);
    if (code == 0) code = set_member(body, name, value, failure);
    json_decref(value);
    return code;
}

/* The body of --file, or an object; and the members of the operands. */
static int make_body(struct client *client, const json_t *command, size_t from, struct text *ret,
                     struct failure *failure) {
    const char *file = args_value(&client->args, "file");
    CLEANUP(text_finish) struct text text = {0};
    int code = file ? input_read(file, BODY_BYTES_MAX, &text, failure) : 0;
    if (code != 0) return code;
    if (file && from == client->args.count) { /* as it is */
        *ret = text;
        text = (struct text){0};
        return 0;
    }
    if (file && exact_json_has_other_names(text_str(&text)))
        return failure_usage(failure,
                             "%s has a NUL in the name of a member: members cannot be "
                             "added to it",
                             file);
    json_t *body = file ? exact_json_read(text_str(&text)) : json_object();
    if (!json_is_object(body)) {
        json_decref(body);
        return failure_usage(failure, "%s is not a JSON object", file ? file : "the body");
    }
    for (size_t i = from; code == 0 && i < client->args.count; i++)
        code = add_member(body, json_object_get(command, "members"), client->args.operands[i],
                          failure);
    if (code == 0) exact_json_append(ret, body);
    json_decref(body);
    return code == 0 && ret->failed ? failure_memory(failure) : code;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int refuse_verb(const json_t *collection, const char *verb, struct failure *failure) {
    CLEANUP(text_finish) struct text names = {0};
    const char *of = catalog_text(collection, "name");
    catalog_names(&names, json_object_get(collection, "commands"), "verb", ", ");
    failure_usage(failure, "%s has no command `%s`", of, verb);
    return failure_advise(failure, EXIT_USAGE, names.len > 0 ? "It has %.*s." : "It has none%.*s.",
                          REEL_FMT(text_str(&names)));
}

/* POST /v1/C: create; DELETE /v1/C/KEY: delete; POST /v1/C/KEY/VERB: any other. */
static int find_path(struct client *client, const json_t *collection, struct target target,
                     const char *verb, struct text *ret, struct failure *failure) {
    CLEANUP(text_finish) struct text key = {0};
    bool is_create = strcmp(verb, "create") == 0, is_delete = strcmp(verb, "delete") == 0;
    if (is_create && target.key.data)
        return failure_usage(failure, "`create` makes a new record: wanted only the collection");
    if (!is_create && !target.key.data)
        return failure_usage(failure, "`%s` is for one record: wanted COLLECTION/KEY", verb);
    if (!is_create) {
        int code = target_key(client, collection, target.key, &key, failure);
        if (code != 0) return code;
    }
    target_path(ret, target.collection, is_create ? (struct reel_str){NULL, 0} : text_str(&key));
    if (!is_create && !is_delete) {
        text_append_lit(ret, "/");
        text_append_percent(ret, reel_text(verb), "-._~");
    }
    text_append(ret, "", 1);
    return ret->failed ? failure_memory(failure) : 0;
}

static int send_command(struct client *client, const char *path, bool is_delete,
                        struct reel_str body, struct http_answer *ret, struct failure *failure) {
    AUTO_FREE char *key_header = NULL;
    AUTO_FREE char *match_header = NULL;
    const char *key = args_value(&client->args, "idempotency-key");
    const char *match = args_value(&client->args, "if-match");
    if (key && asprintf(&key_header, "Idempotency-Key: %s", key) < 0) key_header = NULL;
    if (match && asprintf(&match_header, "If-Match: %s", match) < 0) match_header = NULL;
    if ((key && !key_header) || (match && !match_header)) return failure_memory(failure);
    if ((key && strpbrk(key, "\r\n")) || (match && strpbrk(match, "\r\n")))
        return failure_usage(failure, "a header cannot have several lines");
    const struct http_request request = {
        .method = is_delete ? "DELETE" : "POST",
        .path = path,
        .content_type = body.len > 0 ? "application/json" : NULL,
        .body = body,
        .headers = {key_header, match_header},
    };
    return http_ask(client->http, &request, ret, failure);
}

static int run(struct client *client, struct failure *failure) {
    CLEANUP(text_finish) struct text body = {0}, path = {0};
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    const json_t *collection = NULL;
    enum form form;
    int code =
        client_operands(client, 2, SIZE_MAX, "COLLECTION[/KEY] VERB [MEMBER=VALUE]...", failure);
    if (code == 0) code = client_form(client, FORMS_TABLES | FORMS_JSON, &form, failure);
    if (code != 0) return code;
    struct target target = target_of(client->args.operands[0]);
    const char *verb = client->args.operands[1];
    code = catalog_collection(client, target.collection, &collection, failure);
    if (code != 0) return code;
    const json_t *command = catalog_find(json_object_get(collection, "commands"), "verb", verb);
    if (!command) return refuse_verb(collection, verb, failure);
    bool is_delete = strcmp(verb, "delete") == 0;
    bool has_body = !is_delete || client->args.count > 2 || args_has(&client->args, "file");
    code = has_body ? make_body(client, command, 2, &body, failure) : 0;
    if (code == 0) code = find_path(client, collection, target, verb, &path, failure);
    if (code == 0)
        code = send_command(client, path.data, is_delete, text_str(&body), &answer, failure);
    if (code != 0) return code;
    if (answer.status != 200 && answer.status != 201)
        return catalog_advise(&answer, target.collection, problem_failure(&answer, failure),
                              failure);
    if (str_is_caseless(reel_text(answer.replayed), "true"))
        client_remark(client, "this key was used before: this is the first result");
    return get_print_record(client, collection, (struct reel_str){NULL, 0}, text_str(&answer.body),
                            form, failure);
}

static const struct option_spec options[] = {
    {"file", 'f', "FILE", "the body, in JSON; - is standard input"},
    {"idempotency-key", 0, "KEY", "a repeat with this key has the first result"},
    {"if-match", 0, "ETAG", "only if the record is still the one with this ETag"},
    {"output", 'o', "FORM", "of the record: table, wide, json or ndjson"},
    {NULL, 0, NULL, NULL},
};

const struct command command_run = {
    .name = "run",
    .usage = "COLLECTION[/KEY] VERB [MEMBER=VALUE]...",
    .summary = "carry out a command on a record",
    .help = "The verbs of a collection are those of reel plugins COLLECTION; `create` makes a\n"
            "record. The body has the members that are given: a value is text, or of the kind\n"
            "that the command declares; NAME:=JSON is JSON. NAME.OTHER is a member of an object.\n"
            "Prints the record as it is after the command.\n",
    .options = options,
    .run = run,
};
