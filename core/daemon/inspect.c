/* inspect.c: `reeld inspect DIR`: prints what a store has in it, as tables or as one JSON object;
 * whether a daemon has it open or not. */
#include "base/cleanup.h"
#include "daemon/commands.h"
#include "daemon/guarded.h"
#include "engine/engine.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <uuid/uuid.h>

struct inspecting {
    const char *directory;
    bool json;
};

enum { UUID_TEXT_SIZE = 37 };

static int usage(const char *message, const char *what) {
    fprintf(stderr, "reeld inspect: %s%s; see reeld --help\n", message, what);
    return EXIT_USAGE;
}

static int take_arguments(struct inspecting *inspecting, int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option != 'j') return usage("there is no option ", argv[optind - 1]);
        inspecting->json = true;
    }
    if (optind + 1 != argc) return usage("wanted one directory", "");
    inspecting->directory = argv[optind];
    return EXIT_GOOD;
}

/* ---- What is derived ------------------------------------------------------------------------- */

/* Seqs of a segment: events, and those that the log has no event for. */
static uint64_t seqs_of(const struct log_file *file) {
    return file->last_seq >= file->first_seq ? file->last_seq - file->first_seq + 1 : 0;
}

static uint64_t beyond(uint64_t of_log, uint64_t of_checkpoint) {
    return of_log > of_checkpoint ? of_log - of_checkpoint : 0;
}

static bool has_damage(const struct inspection *inspection) {
    for (size_t i = 0; i < inspection->file_count; i++)
        if (inspection->files[i].wrong) return true;
    return !inspection->has_log || !inspection->has_state;
}

static bool waits_for_rebuild(const struct stored_collection *collection) {
    return collection->control.rebuild > collection->control.rebuild_met;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static void print_log(const struct inspection *inspection) {
    char epoch[UUID_TEXT_SIZE];
    if (!inspection->has_log) {
        printf("log: %s\n", inspection->log_error);
        return;
    }
    uuid_unparse_lower(inspection->epoch, epoch);
    printf("log: epoch %s%s%s\n", epoch, inspection->mirrors ? ", mirrors a stream" : "",
           inspection->is_backup ? ", a backup without an epoch of its own" : "");
    printf("     first event %" PRIu64 ", head %" PRIu64 ", deletions known from %" PRIu64
           " on, %" PRIu64 " controls\n",
           inspection->first_seq, inspection->head, inspection->first_deletion,
           inspection->controls);
}

static void print_state(const struct inspection *inspection) {
    const struct store_state *state = &inspection->stored.state;
    const struct stored_sizes *sizes = &inspection->sizes;
    if (!inspection->has_state) {
        printf("state: %s\n", inspection->state_error);
        return;
    }
    printf("checkpoint: event %" PRIu64 ": %" PRIu64 " applied, %" PRIu64 " ignored, %" PRIu64
           " rejected; %" PRIu64 " rejections kept\n",
           state->cursor, state->applied, state->ignored, state->rejected, sizes->rejections);
    if (inspection->has_log)
        printf("            beyond it the log has %" PRIu64 " events, %" PRIu64 " bytes, %" PRIu64
               " controls\n",
               beyond(inspection->head, state->cursor), inspection->beyond_bytes,
               beyond(inspection->controls, state->controls));
    if (state->gaps.count > 0)
        printf("            %" PRIu64 " gaps of %" PRIu64 " messages, the newest %" PRIu64
               " to %" PRIu64 "\n",
               state->gaps.count, state->gaps.messages, state->gaps.from, state->gaps.to);
    printf("            data.mdb: %" PRIu64 " bytes, of them %" PRIu64 " used and %" PRIu64
           " free; transaction %" PRIu64 "\n",
           sizes->file_bytes, (sizes->pages - sizes->free_pages) * sizes->page_bytes,
           sizes->free_pages * sizes->page_bytes, sizes->checkpoint);
}

static void print_lineage(const struct inspection *inspection) {
    for (size_t i = 0; i < inspection->stored.lineage_count; i++) {
        char epoch[UUID_TEXT_SIZE];
        uuid_unparse_lower(inspection->stored.lineage[i].epoch, epoch);
        printf("%s%s from event %" PRIu64 "\n", i == 0 ? "lineage: " : "         ", epoch,
               inspection->stored.lineage[i].from_seq);
    }
}

static void print_file(const struct log_file *file) {
    if (file->wrong)
        printf("%-46s %12" PRIu64 "  %s\n", file->name, file->bytes, file->wrong);
    else if (file->kind == LOG_FILE_SEGMENT)
        printf("%-46s %12" PRIu64 "  %s, %" PRIu64 " seqs from %" PRIu64 "\n", file->name,
               file->bytes, file->is_sealed ? "sealed" : "raw", seqs_of(file), file->first_seq);
    else if (file->kind == LOG_FILE_INDEX)
        printf("%-46s %12" PRIu64 "  index of repeats, %" PRIu64 " entries, level %" PRIu64 "\n",
               file->name, file->bytes, file->entries, file->level);
    else
        printf("%-46s %12" PRIu64 "\n", file->name, file->bytes);
}

static void print_collection(const struct stored_collection *collection) {
    const struct collection_state *state = &collection->state;
    char digest[DIGEST_TEXT_SIZE];
    digest_write(&state->digest, digest);
    printf("%-24s %6" PRIu32 " %12" PRIu64 " %12" PRIu64 " %14" PRIu64 " %10" PRIu64 "  %s%s%s\n",
           collection->name, state->revision, state->cursor, state->records, state->json_bytes,
           collection->control.generation,
           !collection->has_state ? "no records"
           : state->has_digest    ? digest
                                  : "no digest",
           collection->control.paused ? ", paused" : "",
           waits_for_rebuild(collection) ? ", to be rebuilt" : "");
}

static void print_tables(const char *directory, const struct inspection *inspection) {
    printf("%s: format 3%s%s\n", directory, inspection->live ? ", open in another process" : "",
           inspection->incomplete ? ", an interrupted backup" : "");
    print_log(inspection);
    print_lineage(inspection);
    print_state(inspection);
    printf("\n%-46s %12s\n", "file of log/", "bytes");
    for (size_t i = 0; i < inspection->file_count; i++) print_file(&inspection->files[i]);
    if (inspection->stored.count > 0)
        printf("\n%-24s %6s %12s %12s %14s %10s  %s\n", "collection", "rev.", "cursor", "records",
               "json bytes", "generation", "digest");
    for (size_t i = 0; i < inspection->stored.count; i++)
        print_collection(&inspection->stored.collections[i]);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* Jansson's integers are signed; above that they are of no file of ours. */
static json_t *number(uint64_t value) {
    return json_integer(value <= INT64_MAX ? (json_int_t)value : INT64_MAX);
}

static json_t *text_or_null(bool there, const char *text) {
    return there ? json_string(text) : json_null();
}

static json_t *epoch_json(const uint8_t epoch[16]) {
    char text[UUID_TEXT_SIZE];
    uuid_unparse_lower(epoch, text);
    return json_string(text);
}

static json_t *file_json(const struct log_file *file) {
    json_t *all = json_pack("{s:s, s:o, s:o}", "name", file->name, "bytes", number(file->bytes),
                            "error", text_or_null(file->wrong, file->wrong));
    if (file->wrong || file->kind == LOG_FILE_OTHER) return all;
    json_object_set_new(all, "first_seq", number(file->first_seq));
    json_object_set_new(all, "last_seq", number(file->last_seq));
    if (file->kind == LOG_FILE_INDEX) {
        json_object_set_new(all, "entries", number(file->entries));
        json_object_set_new(all, "level", number(file->level));
        return all;
    }
    json_object_set_new(all, "number", number(file->number));
    json_object_set_new(all, "seqs", number(seqs_of(file)));
    json_object_set_new(all, "form", json_string(file->is_sealed ? "sealed" : "raw"));
    if (file->is_sealed) json_object_set_new(all, "plain_bytes", number(file->plain_bytes));
    return all;
}

static json_t *files_json(const struct inspection *inspection, enum log_file_kind kind) {
    json_t *files = json_array();
    for (size_t i = 0; i < inspection->file_count; i++)
        if (inspection->files[i].kind == kind)
            json_array_append_new(files, file_json(&inspection->files[i]));
    return files;
}

static json_t *log_json(const struct inspection *inspection) {
    bool has_log = inspection->has_log;
    json_t *log = json_pack(
        "{s:o, s:o, s:o, s:o}", "error", text_or_null(!has_log, inspection->log_error), "segments",
        files_json(inspection, LOG_FILE_SEGMENT), "index", files_json(inspection, LOG_FILE_INDEX),
        "others", files_json(inspection, LOG_FILE_OTHER));
    if (!has_log) return log;
    json_object_set_new(log, "epoch", epoch_json(inspection->epoch));
    json_object_set_new(log, "mirrors", json_boolean(inspection->mirrors));
    json_object_set_new(log, "is_backup", json_boolean(inspection->is_backup));
    json_object_set_new(log, "first_seq", number(inspection->first_seq));
    json_object_set_new(log, "first_deletion", number(inspection->first_deletion));
    json_object_set_new(log, "head", number(inspection->head));
    json_object_set_new(log, "controls", number(inspection->controls));
    return log;
}

static json_t *lineage_json(const struct stored *stored) {
    json_t *lineage = json_array();
    for (size_t i = 0; i < stored->lineage_count; i++)
        json_array_append_new(lineage,
                              json_pack("{s:o, s:o}", "epoch", epoch_json(stored->lineage[i].epoch),
                                        "from_seq", number(stored->lineage[i].from_seq)));
    return lineage;
}

static json_t *beyond_json(const struct inspection *inspection) {
    const struct store_state *state = &inspection->stored.state;
    if (!inspection->has_log) return json_null();
    return json_pack("{s:o, s:o, s:o}", "events", number(beyond(inspection->head, state->cursor)),
                     "bytes", number(inspection->beyond_bytes), "controls",
                     number(beyond(inspection->controls, state->controls)));
}

static json_t *state_json(const struct inspection *inspection) {
    const struct store_state *state = &inspection->stored.state;
    const struct stored_sizes *sizes = &inspection->sizes;
    if (!inspection->has_state) return json_pack("{s:s}", "error", inspection->state_error);
    json_t *all = json_pack("{s:n, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "error", "cursor",
                            number(state->cursor), "applied", number(state->applied), "ignored",
                            number(state->ignored), "rejected", number(state->rejected),
                            "rejections", number(sizes->rejections), "lineage",
                            lineage_json(&inspection->stored), "beyond", beyond_json(inspection));
    json_t *gaps = json_pack("{s:o, s:o, s:o, s:o}", "count", number(state->gaps.count), "messages",
                             number(state->gaps.messages), "from", number(state->gaps.from), "to",
                             number(state->gaps.to));
    json_t *file = json_pack("{s:o, s:o, s:o, s:o, s:o}", "bytes", number(sizes->file_bytes),
                             "page_bytes", number(sizes->page_bytes), "used_pages",
                             number(sizes->pages - sizes->free_pages), "free_pages",
                             number(sizes->free_pages), "transaction", number(sizes->checkpoint));
    json_object_set_new(all, "gaps", gaps);
    json_object_set_new(all, "file", file);
    return all;
}

static json_t *collection_json(const struct stored_collection *collection) {
    const struct collection_state *state = &collection->state;
    char digest[DIGEST_TEXT_SIZE];
    json_t *all =
        json_pack("{s:s, s:o, s:b, s:b}", "collection", collection->name, "generation",
                  number(collection->control.generation), "paused", collection->control.paused != 0,
                  "to_be_rebuilt", waits_for_rebuild(collection));
    if (!collection->has_state) return all;
    digest_write(&state->digest, digest);
    json_object_set_new(all, "revision", number(state->revision));
    json_object_set_new(all, "cursor", number(state->cursor));
    json_object_set_new(all, "from_seq", number(state->from_seq));
    json_object_set_new(all, "records", number(state->records));
    json_object_set_new(all, "json_bytes", number(state->json_bytes));
    json_object_set_new(all, "digest", text_or_null(state->has_digest, digest));
    json_object_set_new(all, "changed", number(state->changed));
    json_object_set_new(all, "applied", number(state->applied));
    json_object_set_new(all, "ignored", number(state->ignored));
    json_object_set_new(all, "rejected", number(state->rejected));
    return all;
}

static int print_json(const char *directory, const struct inspection *inspection) {
    json_t *collections = json_array();
    for (size_t i = 0; i < inspection->stored.count; i++)
        json_array_append_new(collections, collection_json(&inspection->stored.collections[i]));
    json_t *name = json_string(directory); /* NULL: it is not UTF-8 */
    json_t *all = json_pack("{s:o, s:i, s:b, s:b, s:o, s:o, s:o}", "directory",
                            name ? name : json_null(), "format", 3, "live", inspection->live,
                            "incomplete", inspection->incomplete, "log", log_json(inspection),
                            "state", state_json(inspection), "collections", collections);
    if (!all) return -1;
    (void)json_dumpf(all, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(all);
    return 0;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int inspect(void *context) {
    const struct inspecting *inspecting = context;
    struct inspection inspection;
    struct reel_error error = {0};
    guarded_begins("reading the store");
    int rc = inspect_directory(inspecting->directory, &inspection, &error);
    bool is_damaged = rc == 0 && has_damage(&inspection);
    if (rc == 0 && !inspecting->json) print_tables(inspecting->directory, &inspection);
    if (rc == 0 && inspecting->json && print_json(inspecting->directory, &inspection) < 0)
        rc = fail_memory(&error);
    inspection_finish(&inspection);
    if (rc < 0) fprintf(stderr, "reeld inspect: %s\n", error.text);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("reeld inspect: cannot write to stdout");
        return EXIT_FAILED;
    }
    return rc < 0 || is_damaged ? EXIT_FAILED : EXIT_GOOD;
}

int command_inspect(int argc, char **argv) {
    struct inspecting inspecting = {0};
    int code = take_arguments(&inspecting, argc, argv);
    return code == EXIT_GOOD ? guarded_run(inspecting.directory, inspect, &inspecting) : code;
}
