/* inspect.c: see inspect.h. */
#include "engine/inspect.h"

#include "engine/log/log.h"
#include "engine/visit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int keep_file(void *context, const struct log_file *file) {
    struct inspection *inspection = context;
    size_t size = (inspection->file_count + 1) * sizeof *inspection->files;
    struct log_file *grown = realloc(inspection->files, size);
    if (!grown) return -ENOMEM;
    inspection->files = grown;
    grown[inspection->file_count++] = *file;
    return 0;
}

static void read_facts(const struct log *log, struct inspection *ret) {
    const struct log_facts *facts = log_facts(log);
    memcpy(ret->epoch, facts->epoch, sizeof ret->epoch);
    ret->first_seq = facts->first_seq;
    ret->first_deletion = facts->first_deletion;
    ret->controls = facts->controls;
    ret->mirrors = facts->mirrors;
    ret->is_backup = facts->is_backup;
    ret->head = log_head(log);
}

/* Headers say nothing of the end of the last segment: it has to be looked for. */
static void complete_last(struct inspection *inspection) {
    for (size_t i = inspection->file_count; i-- > 0;) {
        struct log_file *file = &inspection->files[i];
        if (file->kind != LOG_FILE_SEGMENT) continue;
        if (!file->wrong && !file->is_sealed) file->last_seq = inspection->head;
        return;
    }
}

static void inspect_end(const struct visit *visit, struct inspection *ret) {
    struct log_options options = {.directory = visit->log_path, .read_only = true};
    struct reel_error error;
    struct log *log;
    if (log_open(&options, &log, &error) < 0) {
        memcpy(ret->log_error, error.text, sizeof ret->log_error);
        return;
    }
    read_facts(log, ret);
    struct log_pin *pin = log_pin(log);
    if (ret->has_state) ret->beyond_bytes = log_pin_bytes(pin, ret->stored.state.cursor + 1);
    log_unpin(pin);
    log_close(log);
    complete_last(ret);
    ret->has_log = true;
}

static void inspect_state(const struct visit *visit, struct inspection *ret) {
    struct reel_error error;
    int rc = stored_open(&ret->stored, visit->state_path, &error);
    if (rc == 0) rc = stored_measure(&ret->stored, &ret->sizes, &error);
    stored_end(&ret->stored);
    ret->has_state = rc == 0;
    if (rc < 0) memcpy(ret->state_error, error.text, sizeof ret->state_error);
}

int inspect_directory(const char *directory, struct inspection *ret, struct reel_error *error) {
    struct visit visit;
    *ret = (struct inspection){0};
    int rc = visit_begin(&visit, directory, error);
    if (rc == 0) {
        ret->live = visit.live;
        ret->incomplete = visit.incomplete;
        inspect_state(&visit, ret); /* first, so that the log is not behind it */
        rc = log_files_each(visit.log_path, keep_file, ret, error);
        if (rc == -ENOMEM) rc = fail_memory(error);
    }
    if (rc == 0) inspect_end(&visit, ret);
    visit_end(&visit);
    return rc;
}

void inspection_finish(struct inspection *inspection) {
    stored_close(&inspection->stored);
    free(inspection->files);
    *inspection = (struct inspection){0};
}
