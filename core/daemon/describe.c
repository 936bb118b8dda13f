/* describe.c: `reeld plugins FILE...`: prints what files of plugins say about themselves. No code
 * of theirs runs, because the dynamic loader is not asked: see <reel/note.h>. */
#include "base/cleanup.h"
#include "daemon/commands.h"
#include "daemon/pins.h"

#include <elf.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define BUILD_ID_TEXT_MAX 129

/* One file; without a file, `error` says why. */
struct description {
    const char *path;
    struct plugin_file *file;
    struct reel_error error; /* why this host refuses it; or empty */
    char sha256[SHA256_TEXT_MAX];
    char build_id[BUILD_ID_TEXT_MAX]; /* empty: the linker has written none */
};

/* Loading might still refuse it: only the note has been read. */
static void describe(struct description *description) {
    struct reel_error *error = &description->error;
    if (plugin_file_open(description->path, &description->file, error) < 0) return;
    struct reel_str id = {0};
    (void)elf_note(&description->file->elf, ELF_NOTE_GNU, NT_GNU_BUILD_ID, &id);
    for (size_t i = 0; i < id.len && 2 * i + 2 < BUILD_ID_TEXT_MAX; i++)
        snprintf(description->build_id + 2 * i, 3, "%02x", (unsigned char)id.data[i]);
    if (pins_hash(description->file, description->sha256, error) == 0)
        (void)plugin_file_check(description->file, error);
}

/* ---- For people ------------------------------------------------------------------------------ */

static void print_text(const char *label, const char *text) {
    printf("  %-9s %s\n", label, text);
}

static void print(const struct description *description) {
    const struct plugin_file *file = description->file;
    printf("%s\n", description->path);
    if (file) {
        const struct reel_note *note = &file->note;
        bool both = note->kinds == (REEL_KIND_PROJECTORS | REEL_KIND_SINKS);
        print_text("name", note->name);
        print_text("version", note->version);
        printf("  %-9s %u.%u\n", "abi", note->abi_major, note->abi_minor);
        printf("  %-9s %s%s%s\n", "kinds", note->kinds & REEL_KIND_PROJECTORS ? "projectors" : "",
               both ? ", " : "", note->kinds & REEL_KIND_SINKS ? "sinks" : "");
        print_text("build id", description->build_id[0] ? description->build_id : "none");
        print_text("sha256", description->sha256);
    }
    if (description->error.text[0]) print_text("refused", description->error.text);
}

/* ---- For programs ---------------------------------------------------------------------------- */

/* Text that is not UTF-8 becomes null. */
static json_t *text_json(const char *text) {
    json_t *json = json_string(text);
    return json ? json : json_null();
}

static json_t *kinds_json(uint32_t kinds) {
    json_t *list = json_array();
    if (list && kinds & REEL_KIND_PROJECTORS)
        json_array_append_new(list, json_string("projectors"));
    if (list && kinds & REEL_KIND_SINKS) json_array_append_new(list, json_string("sinks"));
    return list;
}

static json_t *description_json(const struct description *description) {
    const struct plugin_file *file = description->file;
    char abi[16];
    json_t *json = json_object();
    json_object_set_new(json, "path", text_json(description->path));
    if (file) {
        const struct reel_note *note = &file->note;
        snprintf(abi, sizeof abi, "%u.%u", note->abi_major, note->abi_minor);
        json_object_set_new(json, "name", text_json(note->name));
        json_object_set_new(json, "version", text_json(note->version));
        json_object_set_new(json, "abi", json_string(abi));
        json_object_set_new(json, "kinds", kinds_json(note->kinds));
        json_object_set_new(json, "build_id",
                            description->build_id[0] ? json_string(description->build_id)
                                                     : json_null());
        json_object_set_new(json, "sha256", json_string(description->sha256));
        json_object_set_new(json, "bytes", json_integer((json_int_t)file->elf.size));
    }
    json_object_set_new(json, "refused",
                        description->error.text[0] ? text_json(description->error.text)
                                                   : json_null());
    return json;
}

static int print_json(const struct description *list, size_t count) {
    json_t *files = json_array(), *all = json_object();
    for (size_t i = 0; i < count; i++) json_array_append_new(files, description_json(&list[i]));
    json_object_set_new(all, "plugins", files);
    int rc = json_dumpf(all, stdout, JSON_COMPACT);
    json_decref(all);
    putchar('\n');
    return rc;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int usage(const char *message) {
    fprintf(stderr, "reeld plugins: %s; see reeld --help\n", message);
    return EXIT_USAGE;
}

static int print_all(struct description *list, size_t count, bool json) {
    bool refused = false;
    int rc = 0;
    for (size_t i = 0; i < count; i++) {
        describe(&list[i]);
        if (list[i].error.text[0]) refused = true;
        if (!json) print(&list[i]);
    }
    if (json) rc = print_json(list, count);
    if (rc < 0 || fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "reeld plugins: cannot write to stdout\n");
        return EXIT_FAILED;
    }
    return refused ? EXIT_FAILED : EXIT_GOOD;
}

int command_plugins(int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
    bool json = false;
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option != 'j') return usage("it has only the option --json");
        json = true;
    }
    size_t count = (size_t)(argc - optind);
    if (count == 0) return usage("no file was given");
    AUTO_FREE struct description *list = calloc(count, sizeof *list);
    if (!list) return usage("out of memory");
    for (size_t i = 0; i < count; i++) list[i].path = argv[optind + (int)i];
    int code = print_all(list, count, json);
    for (size_t i = 0; i < count; i++) plugin_file_unref(list[i].file);
    return code;
}
