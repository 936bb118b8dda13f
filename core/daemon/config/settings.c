/* settings.c: see settings.h.
 *
 * All combinations of values within the ranges work: a transaction and the queue can hold the
 * largest event, and the library (reel.h, struct reel_options) refuses none of them. So a wrong
 * value is always refused here, with its name and its place.
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
    /* What the daemon uses. */
    REEL_SETTING(.name = "config", TEXT, .flags = SETTING_FLAG_ONLY, .unit = "FILE",
                 .help = "read settings from the JSON object in this file"),
    REEL_SETTING(.name = "data", TEXT, .unit = "DIR",
                 .help = "directory of the store; by default $STATE_DIRECTORY, else "
                         "$XDG_STATE_HOME/reel, else ~/.local/state/reel"),
    REEL_SETTING(.name = "plugin_dir", TEXT, .unit = "DIR",
                 .help = "load every *.so in this directory"),
    REEL_SETTING(.name = "plugin", LIST, .unit = "FILE",
                 .help = "load this plugin; without plugin and plugin_dir, reeld loads the plugins "
                         "of the build tree if it runs from there, else the installed ones"),
    REEL_SETTING(.name = "plugin_sha256", LIST, .unit = "FILE=SHA256", .check = check_pin,
                 .help = "load this plugin only if its file has this SHA-256 (64 hexadecimal "
                         "digits, as `reeld plugins` prints them); FILE is the name of the file, "
                         "or its path as it is given; once one plugin is listed, a plugin that "
                         "is not listed is refused"),
    REEL_SETTING(
            .name = "token_file", TEXT, .unit = "FILE",
            .help =
                "bearer tokens, one a line: `admin NAME TOKEN`, `write NAME TOKEN`, `history "
                "NAME TOKEN` or `read NAME TOKEN`, where the name may be left out, or "
                "`TOKEN`, which means `write`; `history` is `read`, and may look back; `admin` "
                "is `write`, and may control collections and reload plugins; read again on SIGHUP"),
    REEL_SETTING(.name = "sink", LIST, .unit = "NAME", .default_value = "http",
                 .help = "run this sink"),
    REEL_SETTING(.name = "source", TEXT, .unit = "URI", .default_value = "/reel",
                 .check = check_source,
                 .help = "CloudEvents source of the events that commands make"),
    REEL_SETTING(.name = "log_level", .kind = REEL_SETTING_ONE_OF, .values = levels,
                 .default_value = "info", .unit = "LEVEL",
                 .help = "lines below this level are not logged"),

    /* The stream that the log mirrors, if there is one. */
    REEL_SETTING(.name = "nats", TEXT, .unit = "URL", .aliases = "REEL_NATS_URL CELLOS_NATS_URL",
                 .flags = SETTING_SECRET, .check = check_servers,
                 .help = "mirror a stream of NATS JetStream: the URL of one server, or of several "
                         "servers of a cluster, separated by commas; without this setting, the "
                         "daemon has a log of its own"),
    REEL_SETTING(.name = "stream", TEXT, .unit = "NAME", .default_value = "CELLOS_EVENTS",
                 .check = check_stream, .help = "name of the stream; created if it does not exist"),
    REEL_SETTING(.name = "subjects", TEXT, .unit = "FILTER", .default_value = "cellos.events.>",
                 .check = check_subjects,
                 .help = "mirror the messages of the stream with these subjects"),
    REEL_SETTING(.name = "nats_creds", TEXT, .unit = "FILE", .help = "NATS credentials file"),
    REEL_SETTING(.name = "nats_user", TEXT, .unit = "NAME", .help = "NATS user"),
    REEL_SETTING(.name = "nats_password", TEXT, .flags = SETTING_SECRET, .unit = "TEXT",
                 .help = "password of nats_user; others on the machine can see a flag"),
    REEL_SETTING(.name = "nats_token", TEXT, .flags = SETTING_SECRET, .unit = "TEXT",
                 .help = "NATS token, instead of a user; others on the machine can see a flag"),
    REEL_SETTING(.name = "nats_tls", .kind = REEL_SETTING_SWITCH,
                 .help = "use TLS even if the URL does not begin with tls://"),
    REEL_SETTING(.name = "nats_ca", TEXT, .unit = "FILE",
                 .help = "certificates (PEM) of the authorities that servers are checked against"),
    REEL_SETTING(.name = "nats_cert", TEXT, .unit = "FILE",
                 .help = "certificate (PEM) of this client, for servers that ask for one"),
    REEL_SETTING(.name = "nats_key", TEXT, .unit = "FILE",
                 .help = "key (PEM) of nats_cert; by default read from the same file"),
    REEL_SETTING(.name = "publish_ms_max", NUMBER, .unit = "ms", .default_value = "10000",
                 .min = 100, .max = 600000,
                 .help =
                     "longest time that a POST waits until its event comes back with the stream"),

    /* Checks that can be relaxed. */
    REEL_SETTING(
            .name = "allow_shared_files", .kind = REEL_SETTING_SWITCH, .flags = SETTING_FLAG_ONLY,
            .help = "as root or under systemd, start even though others may write a plugin, the "
                    "store, the token file or the configuration; otherwise this is only a warning"),

    REEL_SETTING(.name = "no_supervise", .kind = REEL_SETTING_SWITCH,
                 .help = "do everything in one process, which ends when a plugin crashes: for "
                         "debuggers"),

    /* Actions at the start. */
    REEL_SETTING(.name = "rebuild", .kind = REEL_SETTING_TEXT,
                 .flags = REEL_SETTING_LIST | SETTING_FLAG_ONLY, .unit = "COLLECTION",
                 .help = "at start, begin to make this collection's records again from the log"),
    REEL_SETTING(.name = "release", .kind = REEL_SETTING_TEXT,
                 .flags = REEL_SETTING_LIST | SETTING_FLAG_ONLY, .unit = "COLLECTION",
                 .help = "at start, let this collection fold events again, which was stopped "
                         "because its projector had crashed too often"),
    REEL_SETTING(.name = "new_epoch", .kind = REEL_SETTING_SWITCH, .flags = SETTING_FLAG_ONLY,
                 .help = "at start, give the log a new identity; needed once after a backup was "
                         "restored"),
    REEL_SETTING(.name = "take_archive", .kind = REEL_SETTING_SWITCH, .flags = SETTING_FLAG_ONLY,
                 .help = "at start, take files of the log that were put back: the log begins with "
                         "the oldest of them"),

    /* Limits. */
    REEL_SETTING(.name = "event_bytes_max", NUMBER, .unit = "bytes", .default_value = "1048576",
                 .min = 1024, .max = MIB_16,
                 .help = "a larger event is rejected, and logged without its bytes"),
    REEL_SETTING(.name = "batch_events_max", NUMBER, .unit = "events", .default_value = "4096",
                 .min = 1, .max = 1048576, .help = "most events in one group"),
    REEL_SETTING(.name = "batch_bytes_max", NUMBER, .unit = "bytes", .default_value = "67108864",
                 .min = MIB_16, .max = MIB_16 * 64, .help = "most bytes of events in one group"),
    REEL_SETTING(.name = "queue_events_max", NUMBER, .unit = "events", .default_value = "65536",
                 .min = 1, .max = 16777216,
                 .help = "most events and commands that wait for the writer"),
    REEL_SETTING(.name = "queue_bytes_max", NUMBER, .unit = "bytes", .default_value = "67108864",
                 .min = MIB_16, .max = MIB_16 * 1024,
                 .help = "most bytes of events and commands that wait for the writer"),
    REEL_SETTING(.name = "views_max", NUMBER, .unit = "views", .default_value = "256", .min = 1,
                 .max = 4096, .help = "most views that are open at one time"),
    REEL_SETTING(.name = "view_ms_max", NUMBER, .unit = "ms", .default_value = "10000", .min = 1,
                 .max = 3600000, .help = "a view that is open longer is closed"),
    REEL_SETTING(.name = "map_bytes", NUMBER, .unit = "bytes", .default_value = "1099511627776",
                 .min = 1048576, .max = TIB_64,
                 .help = "address space for the state, which limits its size"),
    REEL_SETTING(.name = "segment_bytes", NUMBER, .unit = "bytes", .default_value = "67108864",
                 .min = 65536, .max = 1073741824,
                 .help = "size at which a file of the log is full; only whole files are removed"),
    REEL_SETTING(.name = "evolve_ms_max", NUMBER, .unit = "ms", .default_value = "1000", .min = 50,
                 .max = 600000,
                 .help = "a projector that takes longer for one event is ended, and the event is "
                         "set aside"),
    REEL_SETTING(.name = "decide_ms_max", NUMBER, .unit = "ms", .default_value = "1000", .min = 50,
                 .max = 600000,
                 .help = "a projector that takes longer for one command or key is ended, and this "
                         "command or key is not tried again"),
    REEL_SETTING(.name = "strikes_max", NUMBER, .unit = "crashes", .default_value = "10", .min = 1,
                 .max = 1000000,
                 .help = "a collection with this many events set aside within strikes_s is "
                         "stopped: it folds no more events"),
    REEL_SETTING(.name = "strikes_s", NUMBER, .unit = "s", .default_value = "600", .min = 1,
                 .max = 31536000, .help = "see strikes_max"),
    REEL_SETTING(.name = "builds_waiting_max", NUMBER, .unit = "requests", .default_value = "4",
                 .min = 0, .max = 1024,
                 .help = "most requests that look back (at, history) and wait while another one is "
                         "answered; more are answered with 503"),
    REEL_SETTING(.name = "builds_kept_s", NUMBER, .unit = "s", .default_value = "300", .min = 0,
                 .max = 86400,
                 .help = "how long records as of a cursor in the past are kept after their last "
                         "use; at most four states"),
    REEL_SETTING(.name = "build_nice", NUMBER, .unit = "", .default_value = "20", .min = 0,
                 .max = 20,
                 .help = "priority of the process that builds, as nice(1) has it, from 0 to 19; "
                         "20: it runs only while a processor is idle"),
    REEL_SETTING(.name = "build_ms_max", NUMBER, .unit = "ms", .default_value = "240000",
                 .min = 100, .max = 3600000,
                 .help = "longest time that one request that looks back may take to be built"),
    REEL_SETTING(.name = "build_cpu_s_max", NUMBER, .unit = "s", .default_value = "60", .min = 1,
                 .max = 86400,
                 .help = "most time of a processor that it may take; above it, the answer is 400"),
    REEL_SETTING(.name = "build_memory_bytes_max", NUMBER, .unit = "bytes",
                 .default_value = "1073741824", .min = MIB_16 * 8, .max = TIB_64,
                 .help = "most memory of the process that builds; above it, the answer is 400"),
    REEL_SETTING(.name = "build_bytes_max", NUMBER, .unit = "bytes", .default_value = "4294967296",
                 .min = MIB_16, .max = TIB_64,
                 .help = "most disk space of all states that were built; if one takes more, the "
                         "answer is 400"),
    REEL_SETTING(.name = "reload_s_max", NUMBER, .unit = "s", .default_value = "86400", .min = 1,
                 .max = 31536000,
                 .help =
                     "longest time, also of a processor, for which the log is folded with other "
                     "plugins when they are reloaded; above it, the running ones stay"),
    REEL_SETTING(.name = "drain_ms_max", NUMBER, .unit = "ms", .default_value = "10000", .min = 0,
                 .max = 600000,
                 .help = "longest time that running requests may take when the daemon ends"),

    /* Retention of the log. */
    REEL_SETTING(.name = "retention_age_s", NUMBER, .unit = "s", .default_value = "0", .min = 0,
                 .max = UINT64_C(3155760000),
                 .help = "remove events from the log that are older than this; 0: keep all"),
    REEL_SETTING(.name = "retention_bytes", NUMBER, .unit = "bytes", .default_value = "0", .min = 0,
                 .max = TIB_64,
                 .help = "remove the oldest events while the log has more bytes of events; 0: keep "
                         "all"),
    REEL_SETTING(.name = "retention_events", NUMBER, .unit = "events", .default_value = "0",
                 .min = 0, .max = UINT64_C(1000000000000),
                 .help = "remove the oldest events while the log has more events; 0: keep all"),
    NULL,
};
