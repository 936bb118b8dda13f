/* nats_feed.c: see nats_feed.h. */
#include "daemon/nats_feed.h"

#include "base/error.h"
#include "daemon/sink_host.h"
#include "feeds/nats/nats.h"
#include "feeds/nats/nats_message.h"
#include "feeds/origin.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SELF "reeld"

static void say(void *context, reel_level level, const char *sentence) {
    (void)context;
    log_line(level, "feed", "%s", sentence);
}

static void changed(void *context) {
    struct daemon *daemon = context;
    sink_hosts_committed(daemon, reel_cursor(daemon->reel));
}

/* True if all collections must be rebuilt. Then the log may be replaced, too. */
static bool rebuilds_all(const struct daemon *daemon) {
    const char *collection, *wanted;
    for (size_t n = 0; (collection = reel_collection_name(daemon->reel, n)); n++) {
        bool found = false;
        for (size_t i = 0; (wanted = config_text(daemon->config, "rebuild", i)); i++)
            found = found || strcmp(wanted, collection) == 0;
        if (!found) return false;
    }
    return true;
}

/* While the daemon runs, everyone on the machine can read its command line. */
static void warn_of_secrets(const struct config *config) {
    static const char *const settings[] = {"nats", "nats_password", "nats_token"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const char *text = config_text(config, settings[i], 0);
        const char *origin = config_origin(config, settings[i]);
        if (!text || strncmp(origin, "--", 2) != 0 || (i == 0 && !strchr(text, '@'))) continue;
        log_line(REEL_LEVEL_WARNING, SELF,
                 "others on this machine can read the secret in %s, because it is in the command "
                 "line: put it into the environment, the configuration file or a credentials file "
                 "(--nats-creds)",
                 origin);
    }
}

/* Without this check, the client library would fail at each attempt to connect, with a less exact
 * message. */
static int check_files(const struct config *config, struct reel_error *error) {
    static const char *const settings[] = {"nats_creds", "nats_ca", "nats_cert", "nats_key"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const char *path = config_text(config, settings[i], 0);
        struct stat about = {0};
        if (!path) continue;
        if (access(path, R_OK) < 0 || stat(path, &about) < 0)
            return fail(error, -errno, "cannot read %s, which %s names: %s", path,
                        config_origin(config, settings[i]), strerror(errno));
        if (!S_ISREG(about.st_mode)) /* it is read again and again, and must not be waited for */
            return fail(error, -EINVAL, "%s, which %s names, is not a regular file", path,
                        config_origin(config, settings[i]));
    }
    return 0;
}

static int create_broker(struct daemon *daemon, struct reel_error *error) {
    const struct config *config = daemon->config;
    uint64_t batch = config_number(config, "batch_events_max"),
             queue = config_number(config, "queue_events_max");
    struct nats_options options = {
        .urls = config_text(config, "nats", 0),
        .stream = config_text(config, "stream", 0),
        .filter = config_text(config, "subjects", 0),
        .creds = config_text(config, "nats_creds", 0),
        .user = config_text(config, "nats_user", 0),
        .password = config_text(config, "nats_password", 0),
        .token = config_text(config, "nats_token", 0),
        .tls = config_number(config, "nats_tls"),
        .ca = config_text(config, "nats_ca", 0),
        .cert = config_text(config, "nats_cert", 0),
        .key = config_text(config, "nats_key", 0),
        .event_bytes_max = (uint32_t)config_number(config, "event_bytes_max"),
        .batch_events = batch < queue / 4 + 1 ? batch : queue / 4 + 1,
    };
    return nats_create(&options, &daemon->nats, error);
}

int nats_feed_start(struct daemon *daemon, struct reel_error *error) {
    const struct config *config = daemon->config;
    if (!config_text(config, "nats", 0)) return feed_check_own(daemon->reel, error);
    warn_of_secrets(config);
    int rc = check_files(config, error);
    if (rc == 0) rc = create_broker(daemon, error);
    if (rc < 0) return rc;
    struct feed_options options = {
        .broker = &nats_broker,
        .broker_state = daemon->nats,
        .release = nats_release,
        .reel = daemon->reel,
        .intake = daemon->intake,
        .filter = config_text(config, "subjects", 0),
        .begin_anew = rebuilds_all(daemon),
        .room_events = config_number(config, "queue_events_max"),
        .publish_ms_max = (uint32_t)config_number(config, "publish_ms_max"),
        .say = say,
        .changed = changed,
        .context = daemon,
    };
    return feed_start(&options, &daemon->feed, error);
}

void nats_feed_destroy(struct daemon *daemon) {
    feed_destroy(daemon->feed);
    nats_destroy(daemon->nats);
}
