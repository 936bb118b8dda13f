/* plugin_check.h: what a plugin declares, checked and brought to this host's version of the ABI.
 *
 * A declaration may be shorter than what this host knows, since the plugin may be older. It is
 * checked once, and copied into structs of this host's size with zeros for what is missing: no
 * other file looks at a size again.
 */
#ifndef REEL_ENGINE_FOLD_PLUGIN_CHECK_H
#define REEL_ENGINE_FOLD_PLUGIN_CHECK_H

#include "base/build_id.h"
#include "base/error.h"

#include <reel/projector.h>
#include <reel/sink.h>

/* Most sinks of a plugin, and settings of a sink. */
#define PLUGIN_SINKS_MAX  64
#define SINK_SETTINGS_MAX 256

struct projector {
    struct reel_projector declared; /* this host's size; its `fields` and `commands` are ours */
    struct reel_field *fields;
    const struct reel_field **field_list;
    uint32_t field_count;
    struct reel_command_info *commands;
    const struct reel_command_info **command_list;
    uint32_t command_count;
};

/* A sink, and its settings. */
struct plugin_sink {
    struct reel_sink declared; /* this host's size; its `settings` are ours */
    struct reel_setting *settings;
    const struct reel_setting **setting_list;
    uint32_t setting_count;
};

struct plugin {
    struct plugin *next;
    char *path; /* as it was given, or NULL: linked in */
    void *handle;
    uint8_t build_id[BUILD_ID_BYTES]; /* zeros: it is linked in */
    uint64_t device, inode; /* of the file; tells it apart from the same under another name */
    const struct reel_plugin *declared; /* name and version are there in every ABI */
    struct projector *projectors;
    uint32_t projector_count;
    struct plugin_sink *sinks;
    uint32_t sink_count;
};

/* Checks `plugin->declared` and fills `plugin->projectors`. What was filled before a failure is
 * for plugin_unload to release. Refusals are -ENOEXEC with a sentence that names the member,
 * what was found and what was wanted. */
int plugin_check(struct plugin *plugin, struct reel_error *error);

#endif
