/* main.c: the program `reeld`: finds the command and calls it. This is the only file that names the
 * sinks and commands that ship. Data goes to stdout, everything else to stderr. */
#include "base/descriptors.h"
#include "check/check.h"
#include "conform/conform.h"
#include "daemon/commands.h"
#include "daemon/serve.h"
#include "http/http.h"
#include "stdout/stdout.h"

#include <reel/reel.h>

#include <string.h>

/* The sinks that ship, in a plugin that is linked in. */
static const struct reel_sink *const own_sinks[] = {&http_sink, &stdout_sink, NULL};
static const struct reel_plugin own_plugin = {
    .header = REEL_PLUGIN_HEADER, .name = "reeld", .version = REEL_VERSION, .sinks = own_sinks};

static int command_serve(int argc, char **argv) {
    return serve(&own_plugin, argc, argv);
}

static int command_backup(int argc, char **argv) {
    return backup(&own_plugin, argc, argv);
}

static int command_plan(int argc, char **argv) {
    return plan(&own_plugin, argc, argv);
}

static int command_build(int argc, char **argv) {
    return build(&own_plugin, argc, argv);
}

static int command_reload(int argc, char **argv) {
    return reload_command(&own_plugin, argc, argv);
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"serve", command_serve},
    {"replay", command_replay},
    {"check", command_check},
    {"backup", command_backup},
    {"verify", command_verify},
    {"inspect", command_inspect},
    {"plugins", command_plugins},
    {"explain", command_explain},
    {"conform", conform},
    {"plan", command_plan},
    {"reload", command_reload},
    {"build", command_build}, /* for the daemon (builder.h): not in the help */
};

static void print_help(FILE *to) {
    fprintf(to,
            "reeld %s: event sourcing with projectors as plugins\n"
            "\n"
            "usage: reeld [serve] [SETTING]...\n"
            "           run the daemon\n"
            "       reeld replay [--plugin-dir DIR] [--plugin FILE]... [--setting NAME=VALUE]...\n"
            "                    [--outcomes] FILE|-\n"
            "           fold a file of events, one JSON payload a line, in a temporary store,\n"
            "           and print the result as one JSON object; with --outcomes also the\n"
            "           outcome of each event, and the reasons of rejections; --setting gives a\n"
            "           setting of a projector its value\n"
            "       reeld check [--json] [--strict] [--seed N] [--runs N] [--events FILE]\n"
            "                   [--setting NAME=VALUE]... [--with PLUGIN.so] PLUGIN.so...\n"
            "           test each plugin with generated events, and report its faults; --with\n"
            "           loads another one, from whose collections it derives\n"
            "       reeld plugins [--json] FILE...\n"
            "           print what each file says about itself, without running any of it: name,\n"
            "           version, ABI, kinds, build id, SHA-256\n"
            "       reeld backup [SETTING]... DIR\n"
            "           write a copy of a store to the empty directory DIR; a daemon may be\n"
            "           using the store; the store is found by the settings of the daemon\n"
            "       reeld reload [SETTING]...\n"
            "           ask the daemon that uses the store to read its tokens and plugins\n"
            "           again, as SIGHUP does; the store is found by the settings of the daemon\n"
            "       reeld verify [--plugin-dir DIR] [--plugin FILE]... [--setting NAME=VALUE]...\n"
            "                    DIR\n"
            "           compare the log of the store in DIR with its checksums, and its records\n"
            "           with their digests; with plugins, and the settings of the daemon, also\n"
            "           with the records that a fold of the log makes; a daemon may be using the\n"
            "           store\n"
            "       reeld plan [SETTING]... [--json] [--examples N] PLUGIN.so...\n"
            "           fold the log of a store with these plugins, in the place of those that\n"
            "           have the same collections, and print what would change: records,\n"
            "           rejections; a daemon may be using the store; the store, the other\n"
            "           plugins and their settings are found by the settings of the daemon.\n"
            "           Exit: 0 nothing changes, 1 something does, 4 it could not be found out\n"
            "       reeld inspect [--json] DIR\n"
            "           print what the store in DIR has in it: positions, files, collections;\n"
            "           a daemon may be using the store\n"
            "       reeld explain [--json] [--plugin-dir DIR] [--plugin FILE]...\n"
            "                     [--setting NAME=VALUE]... [--data DIR] COLLECTION/KEY\n"
            "           fold the log of a store again, and print each event that changed one\n"
            "           record, with what it changed; a daemon may be using the store\n"
            "       reeld conform [--json] [--token-file FILE] [--ca-file FILE]\n"
            "                     [--collection NAME] [--filter FIELD=VALUE]\n"
            "                     [--write | --events FILE] [--cuts N] [--watch S] [--idle S]\n"
            "                     [--timeout S] http[s]://HOST[:PORT][/PATH]\n"
            "           follow a running daemon, directly or through a gateway, with\n"
            "           connections that are cut, and compare what comes; see reeld(1). The\n"
            "           token is in the file or in REEL_TOKEN. Writes nothing without --write\n"
            "           (events of cells) or --events (each line of the file, with a new id)\n"
            "       reeld --help | --version\n"
            "\n",
            reel_version());
    serve_help(&own_plugin, to, false);
    fprintf(to,
            "\nInstalled plugins: %s\nExit: 0 good, 1 failed, 2 wrong usage, 3 no connection "
            "(conform)\n",
            reel_plugin_directory());
}

static int finish_stdout(void) {
    if (fflush(stdout) == 0) return EXIT_GOOD;
    perror("reeld: cannot write to stdout");
    return EXIT_FAILED;
}

/* If --help is among the arguments, nothing else is done. */
static bool wants_help(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

int main(int argc, char **argv) {
    if (descriptors_reserve_standard() < 0) return EXIT_FAILED; /* there is nowhere to report it */
    const char *name = argc > 1 ? argv[1] : "";
    if (wants_help(argc, argv)) {
        print_help(stdout);
        return finish_stdout();
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(name, commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
    if (strcmp(name, "--help=markdown") == 0) {
        serve_help(&own_plugin, stdout, true);
        return finish_stdout();
    }
    if (strcmp(name, "--version") == 0) {
        printf("reeld %s\n", reel_version());
        return finish_stdout();
    }
    if (!name[0] || name[0] == '-') return command_serve(argc, argv);
    fprintf(stderr, "reeld: there is no command `%s`\n\n", name);
    print_help(stderr);
    return EXIT_USAGE;
}
