/* settings.c: see settings.h.
 *
 * The ranges are such that any choice within them is good, also together: a transaction and the
 * queue have room for the largest event, and the core (reel.h, struct reel_options) refuses none.
 * So a wrong one is always refused here, with its name and its place.
 */
#include "daemon/config/settings.h"

#include "daemon/config/setting_checks.h"

#define MIB_16 UINT64_C(16777216)
#define TIB_64 UINT64_C(70368744177664)

static const char *const levels[] = {"error", "warning", "info", "debug", NULL};

#define TEXT   .kind = REEL_SETTING_TEXT
#define LIST   .kind = REEL_SETTING_TEXT, .flags = REEL_SETTING_LIST
#define NUMBER .kind = REEL_SETTING_NUMBER

const struct reel_setting *const daemon_settings[] = {
    /* What it works on. */
    REEL_SETTING(.name = "config", TEXT, .flags = SETTING_FLAG_ONLY, .unit = "FILE",
                 .help = "read settings from the JSON object in this file"),
    REEL_SETTING(.name = "data", TEXT, .unit = "DIR",
                 .help = "the store; by default $STATE_DIRECTORY, else $XDG_STATE_HOME/reel, else "
                         "~/.local/state/reel"),
    REEL_SETTING(.name = "plugin_dir", TEXT, .unit = "DIR", .help = "load every *.so of it"),
    REEL_SETTING(.name = "plugin", LIST, .unit = "FILE",
                 .help = "load this plugin; without plugin and plugin_dir, those of the build tree "
                         "when run from there, else the installed ones"),
    REEL_SETTING(.name = "token_file", TEXT, .unit = "FILE",
                 .help = "bearer tokens, one a line: `write TOKEN`, `read TOKEN` or `TOKEN`, which "
                         "may write; read again on SIGHUP"),
    REEL_SETTING(.name = "sink", LIST, .unit = "NAME", .standard = "http", .help = "run this sink"),
    REEL_SETTING(.name = "source", TEXT, .unit = "URI", .standard = "/reel", .check = check_source,
                 .help = "CloudEvents source of the events that commands make"),
    REEL_SETTING(.name = "log_level", .kind = REEL_SETTING_ONE_OF, .values = levels,
                 .standard = "info", .unit = "LEVEL", .help = "the least that is logged"),

    /* The stream that the log mirrors, if it is not its own. */
    REEL_SETTING(.name = "nats", TEXT, .unit = "URL", .also = "REEL_NATS_URL CELLOS_NATS_URL",
                 .flags = SETTING_SECRET, .check = check_servers,
                 .help = "mirror a stream of NATS JetStream: one server, or several of a cluster "
                         "with commas between; without it, the log is the daemon's own"),
    REEL_SETTING(.name = "stream", TEXT, .unit = "NAME", .standard = "CELLOS_EVENTS",
                 .check = check_stream, .help = "that stream; it is made if it is not there"),
    REEL_SETTING(.name = "subjects", TEXT, .unit = "FILTER", .standard = "cellos.events.>",
                 .check = check_subjects, .help = "what is mirrored of it"),
    REEL_SETTING(.name = "nats_creds", TEXT, .unit = "FILE", .help = "a credentials file of NATS"),
    REEL_SETTING(.name = "nats_user", TEXT, .unit = "NAME", .help = "a user of NATS"),
    REEL_SETTING(.name = "nats_password", TEXT, .flags = SETTING_SECRET, .unit = "TEXT",
                 .help = "its password; a flag can be seen by others on the machine"),
    REEL_SETTING(.name = "nats_token", TEXT, .flags = SETTING_SECRET, .unit = "TEXT",
                 .help = "or a token of NATS, likewise"),
    REEL_SETTING(.name = "nats_tls", .kind = REEL_SETTING_SWITCH,
                 .help = "ask for TLS where the URL does not"),
    REEL_SETTING(.name = "nats_ca", TEXT, .unit = "FILE",
                 .help = "trust the servers that these certificates (PEM) vouch for"),
    REEL_SETTING(.name = "nats_cert", TEXT, .unit = "FILE",
                 .help = "our own certificate (PEM), for servers that ask for one"),
    REEL_SETTING(.name = "nats_key", TEXT, .unit = "FILE",
                 .help = "its key (PEM); by default in the same file"),
    REEL_SETTING(.name = "publish_ms_max", NUMBER, .unit = "ms", .standard = "10000", .min = 100,
                 .max = 600000,
                 .help = "how long a client waits for what it published to come back"),

    /* What it may run with. */
    REEL_SETTING(.name = "allow_shared_files", .kind = REEL_SETTING_SWITCH,
                 .flags = SETTING_FLAG_ONLY,
                 .help = "as root or under systemd, start even though others may write a plugin, "
                         "the store, the token file or the configuration; otherwise that is a "
                         "warning"),

    /* What it does once. */
    REEL_SETTING(.name = "rebuild", .kind = REEL_SETTING_TEXT,
                 .flags = REEL_SETTING_LIST | SETTING_FLAG_ONLY, .unit = "COLLECTION",
                 .help = "throw this collection's records away and fold them anew"),
    REEL_SETTING(.name = "new_epoch", .kind = REEL_SETTING_SWITCH, .flags = SETTING_FLAG_ONLY,
                 .help = "give the log a new identity, as a restored backup needs"),

    /* How much, and how long. */
    REEL_SETTING(.name = "event_bytes_max", NUMBER, .unit = "bytes", .standard = "1048576",
                 .min = 1024, .max = MIB_16,
                 .help = "a larger event is logged as rejected, without its bytes"),
    REEL_SETTING(.name = "batch_events_max", NUMBER, .unit = "events", .standard = "4096", .min = 1,
                 .max = 1048576, .help = "what one commit takes"),
    REEL_SETTING(.name = "batch_bytes_max", NUMBER, .unit = "bytes", .standard = "67108864",
                 .min = MIB_16, .max = MIB_16 * 64, .help = "what one commit takes of payload"),
    REEL_SETTING(.name = "queue_events_max", NUMBER, .unit = "events", .standard = "65536",
                 .min = 1, .max = 16777216, .help = "events and commands waiting for the writer"),
    REEL_SETTING(.name = "queue_bytes_max", NUMBER, .unit = "bytes", .standard = "67108864",
                 .min = MIB_16, .max = MIB_16 * 1024, .help = "their payload"),
    REEL_SETTING(.name = "views_max", NUMBER, .unit = "views", .standard = "256", .min = 1,
                 .max = 4096, .help = "views open at one time"),
    REEL_SETTING(.name = "view_ms_max", NUMBER, .unit = "ms", .standard = "10000", .min = 1,
                 .max = 3600000, .help = "a view's life"),
    REEL_SETTING(.name = "map_bytes", NUMBER, .unit = "bytes", .standard = "1099511627776",
                 .min = 1048576, .max = TIB_64,
                 .help = "address space for the state, the bound of its size"),
    REEL_SETTING(.name = "segment_bytes", NUMBER, .unit = "bytes", .standard = "67108864",
                 .min = 65536, .max = 1073741824,
                 .help = "a file of the log is full at this size; retention removes whole files"),
    REEL_SETTING(.name = "drain_ms_max", NUMBER, .unit = "ms", .standard = "10000", .min = 0,
                 .max = 600000, .help = "what ending may wait for what is under way"),

    /* How long the log is kept. */
    REEL_SETTING(.name = "retention_age_s", NUMBER, .unit = "s", .standard = "0", .min = 0,
                 .max = UINT64_C(3155760000), .help = "trim events older than this; 0: keep them"),
    REEL_SETTING(.name = "retention_bytes", NUMBER, .unit = "bytes", .standard = "0", .min = 0,
                 .max = TIB_64, .help = "trim the oldest beyond this much payload; 0: keep them"),
    REEL_SETTING(.name = "retention_events", NUMBER, .unit = "events", .standard = "0", .min = 0,
                 .max = UINT64_C(1000000000000),
                 .help = "trim the oldest beyond this many; 0: keep them"),
    NULL,
};
