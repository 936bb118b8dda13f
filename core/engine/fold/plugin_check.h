/* plugin_check.h: checks the declaration of a plugin, and converts it to this host's version of the
 * ABI.
 *
 * An older plugin's structs may be smaller than this host's. They are checked once and copied into
 * structs of this host's size, with zeros for missing members. So no other file uses their sizes.
 */
#ifndef REEL_ENGINE_FOLD_PLUGIN_CHECK_H
#define REEL_ENGINE_FOLD_PLUGIN_CHECK_H

#include "base/arena.h"
#include "engine/fold/plugin_file.h"

#include <reel/projector.h>
#include <reel/sink.h>

#include <string.h>

/* Most sinks of a plugin, and settings of a sink or a projector. */
#define PLUGIN_SINKS_MAX 64
#define SETTINGS_MAX     256

/* Declared settings. */
struct plugin_settings {
    struct reel_setting *items;
    const struct reel_setting **list; /* NULL-terminated */
    uint32_t count;
};

struct projector {
    struct reel_projector
        declared; /* of this host's size; `fields` and the other lists point to copies */
    struct reel_field *fields;
    const struct reel_field **field_list;
    uint32_t field_count;
    struct reel_command_info *commands;
    const struct reel_command_info **command_list;
    uint32_t command_count;
    struct plugin_settings settings;
    bool has_strict_events; /* one of `declared.events` is REEL_EVENT_STRICT */
};

/* The field's place, or -1. A plugin names it mostly by the very literal that declares it, or at
 * least one that the compiler has merged with it. */
static inline int projector_field(const struct projector *projector, const char *name) {
    for (uint32_t i = 0; i < projector->field_count; i++)
        if (projector->fields[i].name == name) return (int)i;
    for (uint32_t i = 0; name && i < projector->field_count; i++)
        if (strcmp(projector->fields[i].name, name) == 0) return (int)i;
    return -1;
}

/* A sink, and its settings. */
struct plugin_sink {
    struct reel_sink declared; /* of this host's size; `settings` points to copies */
    struct plugin_settings settings;
};

struct plugin {
    struct plugin *next;
    struct plugin_file *file; /* NULL: linked in */
    void *handle;
    const struct reel_plugin *declared; /* name and version are the same in every ABI */
    struct projector *projectors;
    uint32_t projector_count;
    struct plugin_sink *sinks;
    uint32_t sink_count;
    struct arena memory; /* copies of declared members and events */
};

/* Checks `plugin->declared` and fills in `plugin->projectors`. After a failure, plugin_unload frees
 * what was filled in. If the plugin is refused: -ENOEXEC, with a sentence that names the member,
 * its value, and the allowed values. */
int plugin_check(struct plugin *plugin, struct reel_error *error);

#endif
