/* plugin.h: plugins, checked and brought to this host's version of the ABI.
 *
 * What a plugin declares may be shorter than what this host knows, since it may be older. It is
 * checked once, and copied into structs of this host's size with zeros for what is missing:
 * nothing behind this file looks at a size again.
 */
#ifndef REEL_CORE_PLUGIN_H
#define REEL_CORE_PLUGIN_H

#include "base/error.h"
#include "build_id.h"

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

/* Maps a shared object and takes what it declares. */
int plugin_load(const char *path, struct plugin **ret, struct reel_error *error);

/* The same for one that is linked in, which is borrowed. */
int plugin_adopt(const struct reel_plugin *declared, struct plugin **ret, struct reel_error *error);

/* Calls `fn` with the path of every *.so of a directory, in the order of their names. What it
 * returns, if that is not 0, ends the walk. */
typedef int (*plugin_path_fn)(void *context, const char *path, struct reel_error *error);
int plugin_each_in(const char *directory, plugin_path_fn fn, void *context,
                   struct reel_error *error);

/* Unmaps it too. Takes NULL. */
void plugin_unload(struct plugin *plugin);

#endif
