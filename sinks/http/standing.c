/* standing.c: see standing.h. */
#include "http/standing.h"

#include "base/clock.h"

/* It is folded, but has not the cursor of the view yet. */
static bool is_behind(const struct reel_collection_info *info) {
    bool is_halted = info->stopped[0] || info->paused;
    return !is_halted && (!info->served || info->stale);
}

static const char *state_of(const struct reel_collection_info *info) {
    if (info->lost_events) return "lost events";
    if (info->stopped[0]) return "stopped";
    if (info->paused) return "paused";
    return is_behind(info) ? "building" : "live";
}

static json_t *describe_stop(const struct reel_collection_info *info) {
    json_t *stop = json_object();
    reply_put_text(&stop, "reason", info->stopped);
    reply_put_number(&stop, "seq", info->stopped_seq);
    reply_put_time(&stop, "since", info->stopped_s * NS_PER_S);
    return stop;
}

/* How far the records are that are being made. */
static json_t *describe_progress(const struct reel_collection_info *info,
                                 const struct reel_position *position) {
    json_t *progress = json_object();
    reply_put_number(&progress, "cursor", info->rebuilding ? info->rebuild_cursor : info->cursor);
    reply_put_number(&progress, "to", position->cursor);
    return progress;
}

json_t *standing_of(const char *collection, const struct reel_collection_info *info,
                    const struct reel_position *position) {
    json_t *standing = json_object();
    reply_put_text(&standing, "collection", collection);
    reply_put_number(&standing, "revision", info->revision);
    reply_put_text(&standing, "state", state_of(info));
    if (info->stopped[0]) reply_put(&standing, "stopped", describe_stop(info));
    if (is_behind(info) || info->rebuilding)
        reply_put(&standing, "progress", describe_progress(info, position));
    reply_put_number(&standing, "cursor", info->cursor);
    reply_put_number(&standing, "from_seq", info->from_seq);
    reply_put_text(&standing, "digest", info->digest);
    reply_put_number(&standing, "generation", info->generation);
    reply_put_number(&standing, "records", info->records);
    reply_put_number(&standing, "applied", info->applied);
    reply_put_number(&standing, "ignored", info->ignored);
    reply_put_number(&standing, "rejected", info->rejected);
    reply_put_number(&standing, "set_aside", info->set_aside);
    if (info->keys_refused) reply_put(&standing, "keys_refused", json_true());
    if (info->commands_refused) reply_put(&standing, "commands_refused", json_true());
    reply_put_number(&standing, "changed", info->changed);
    if (info->rebuilding) reply_put_number(&standing, "rebuild_cursor", info->rebuild_cursor);
    return standing;
}
