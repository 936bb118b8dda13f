/* case_subject.c: cases about the file and its declarations, without events. */
#include "base/text.h"
#include "check/bench.h"
#include "check/cases.h"
#include "check/clash.h"
#include "check/exports.h"
#include "check/guard.h"
#include "engine/engine.h"

#include <reel/reel.h>

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOAD_CPU_MS_MAX 100

static void describe(struct sheet *sheet, const struct plugin *plugin) {
    const struct reel_header *header = &plugin->declared->header;
    snprintf(sheet->name, sizeof sheet->name, "%s", plugin->declared->name);
    snprintf(sheet->version, sizeof sheet->version, "%s", plugin->declared->version);
    sheet->abi_major = header->abi_major;
    sheet->abi_minor = header->abi_minor;
    sheet->has_projectors = plugin->projector_count > 0;
    for (uint32_t i = 0; i < plugin->projector_count; i++) {
        if (plugin->projectors[i].command_count > 0) sheet->has_commands = true;
        if (plugin->projectors[i].settings.count > 0) sheet->has_settings = true;
        if (plugin->projectors[i].declared.flags & REEL_DERIVE_FROM_RECORDS)
            sheet->derives_from_records = true;
    }
}

/* A file with the note is a plugin, even if the host refuses it. */
static bool is_plugin(const char *path) {
    struct plugin_file *file;
    return plugin_file_open(path, &file, NULL) == 0;
}

/* Measures CPU time, so that other work of the machine makes no difference. */
void case_load(struct sheet *sheet) {
    struct plugin *plugin;
    struct reel_error error;
    uint64_t began_ns = guard_cpu_ns();
    guard_turn(CHECK_TURN_LOAD, reel_text("loading"));
    int rc = plugin_load(sheet->path, &plugin, &error);
    uint64_t took_ms = (guard_cpu_ns() - began_ns) / 1000000;
    if (rc < 0 && !is_plugin(sheet->path)) guard_found("%s", error.text);
    guard_done();
    if (took_ms > LOAD_CPU_MS_MAX)
        guard_found("loading takes %" PRIu64 " ms of CPU time, at most %d are allowed", took_ms,
                    LOAD_CPU_MS_MAX);
    if (rc == 0) describe(sheet, plugin);
}

/* ---- Declarations ---------------------------------------------------------------------------- */

/* Finds declarations that a host accepts, but that cannot be intended. */
static void check_prefixes(const struct reel_projector *projector) {
    const char *const *prefixes = projector->type_prefixes;
    for (size_t n = 0; prefixes[n]; n++) {
        if (!utf8_valid(reel_text(prefixes[n])))
            guard_found("collection `%s`: type_prefixes[%zu] is not UTF-8, as all types are",
                        projector->collection, n);
        for (size_t i = 0; i < n; i++)
            if (strcmp(prefixes[i], prefixes[n]) == 0)
                guard_found("collection `%s`: type_prefixes[%zu] is `%s`, which [%zu] is already",
                            projector->collection, n, prefixes[n], i);
    }
}

static void check_values(const struct reel_projector *projector) {
    for (size_t n = 0; projector->fields[n]; n++) {
        const char *const *values = projector->fields[n]->values;
        for (size_t at = 0; values && values[at]; at++)
            for (size_t i = 0; i < at; i++)
                if (strcmp(values[i], values[at]) == 0)
                    guard_found("collection `%s`: field `%s` has the value `%s` twice",
                                projector->collection, projector->fields[n]->name, values[at]);
    }
}

/* Weak names, such as those of C++ templates, are shared on purpose. */
static void note_export(void *context, const ElfW(Sym) * symbol, const char *name) {
    struct sheet *sheet = context;
    size_t used = strlen(sheet->exported), room = sizeof sheet->exported - used;
    if (symbol_is_export(symbol, name) && symbol->st_info >> 4 == STB_GLOBAL)
        snprintf(sheet->exported + used, room, "%s%s", used ? ", " : "", name);
}

static void check_exports(struct sheet *sheet) {
    sheet->exported[0] = '\0';
    elf_symbols_each(sheet->path, note_export, sheet);
    if (sheet->strict && sheet->exported[0])
        guard_found("it exports %.800s beside `reel_plugin`: build it with -fvisibility=hidden",
                    sheet->exported);
}

/* Also opens a store with the plugin, for faults that show only next to other collections. */
void case_declarations(struct sheet *sheet) {
    struct reel *reel;
    struct reel_error error;
    struct reel_options options = {.struct_size = sizeof options};
    const struct reel_projector *projector;
    guard_must(reel_open(&options, &reel, &error), &error);
    guard_turn(CHECK_TURN_LOAD, reel_text("loading"));
    if (reel_load_plugin(reel, sheet->path, &error) < 0) guard_found("%s", error.text);
    guard_done();
    if (sheet->with[0]) guard_must(reel_load_plugin(reel, sheet->with, &error), &error);
    sheet->settings_known = bench_give_settings(sheet, reel);
    int rc = reel_start(reel, &error);
    if (rc == -EINVAL) guard_found("%s (--with PLUGIN.so loads another one, too)", error.text);
    guard_must(rc, &error);
    for (size_t n = 0; (projector = reel_projector(reel, n)); n++) {
        check_prefixes(projector);
        check_values(projector);
    }
    clash_check(sheet->path);
    check_exports(sheet);
}
