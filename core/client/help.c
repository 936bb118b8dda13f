/* help.c: `reel help`, and the topics. */
#include "client/help.h"

#include "client/contexts.h"

const struct help_topic help_topics[] = {
    {"config", "servers, tokens and contexts",
     "The server and the token come from, in this order:\n"
     "\n"
     "  --url, --token, --token-file, --ca-file, --context\n"
     "  REEL_URL, REEL_TOKEN\n"
     "  the current context of $XDG_CONFIG_HOME/reel/config (or ~/.config/reel/config)\n"
     "  " URL_DEFAULT ", without a token\n"
     "\n"
     "With --context, neither REEL_URL nor REEL_TOKEN is used. The file:\n"
     "\n"
     "  # the context that is used without --context\n"
     "  current = production\n"
     "\n"
     "  [production]\n"
     "  url = https://reel.example.org\n"
     "  token-file = /home/me/reel.token\n"
     "  ca-file = /etc/ssl/example.pem\n"
     "\n"
     "  [laptop]\n"
     "  url = http://127.0.0.1:8080\n"
     "  token = try-me\n"
     "\n"
     "The token of the current context is sent only to its own URL. In a token file, the token is\n"
     "the last word of the first line that is not a comment.\n"},
    {"filters", "conditions on fields",
     "  reel get cells state=running            equal\n"
     "  reel get cells state=running state=pending\n"
     "                                          any of several values of one field\n"
     "  reel get cells state=running spec_id=a  all conditions on different fields\n"
     "  reel get cells 'exit_code>=1'           also >, <=, <; or exit_code.gte=1, .gt, .lte, .lt\n"
     "  reel get cells outcome.is=null          no value; .is=set: any value\n"
     "  reel get cells formation=web            a record of another collection, by key or name\n"
     "  reel get cells limit.eq=3               a field with the name of a parameter of the "
     "server\n"
     "\n"
     "A shell gives > and < a meaning of its own: quote such conditions. Conditions on indexed\n"
     "fields are cheap; reel plugins COLLECTION says which fields are indexed.\n"},
    {"output", "forms of the output",
     "  -o table    columns; on a terminal, as many as there is room for. The default\n"
     "  -o wide     all columns, and nothing is cut\n"
     "  -o json     one JSON document\n"
     "  -o ndjson   one JSON object a line\n"
     "  -o csv      RFC 4180, with a header line\n"
     "\n"
     "Data goes to standard output, everything else to standard error. On a terminal, times are\n"
     "ages, control characters are written as escape sequences, and there are colours unless\n"
     "NO_COLOR is set. In a pipe, the columns do not depend on the terminal, times are as they\n"
     "are, and CSV and each line of ndjson are byte for byte what the server sent.\n"},
    {"exit", "exit codes",
     "  0  good\n"
     "  1  the server said no, or something failed\n"
     "  2  wrong usage: the command line or the configuration\n"
     "  3  the server could not be reached, or the connection was lost\n"},
    {NULL, NULL, NULL},
};

static void print_options(const struct option_spec *specs, FILE *to) {
    for (; specs && specs->name; specs++) {
        char names[80], letter[8] = "    ";
        if (specs->letter) snprintf(letter, sizeof letter, "-%c, ", specs->letter);
        snprintf(names, sizeof names, "%s--%s%s%s", letter, specs->name, specs->value ? " " : "",
                 specs->value ? specs->value : "");
        fprintf(to, "  %-28s %s\n", names, specs->help);
    }
}

void help_command(const struct command *command, FILE *to) {
    fprintf(to, "usage: reel %s%s%s%s\n\n%c%s.\n", command->name, command->usage[0] ? " " : "",
            command->usage, command->options ? " [OPTION]..." : "", command->summary[0] - 'a' + 'A',
            command->summary + 1);
    if (command->help) fprintf(to, "\n%s", command->help);
    if (command->options) fputs("\noptions:\n", to);
    print_options(command->options, to);
    fputs("\noptions of all commands:\n", to);
    print_options(global_options, to);
}

void help_all(FILE *to) {
    fprintf(to, "reel %s: the client of reeld\n\nusage: reel COMMAND [OPERAND]... [OPTION]...\n\n",
            REEL_VERSION);
    for (const struct command *const *command = commands; *command; command++)
        if (!(*command)->is_hidden)
            fprintf(to, "  %-12s %s\n", (*command)->name, (*command)->summary);
    fputs("\ntopics:\n", to);
    for (const struct help_topic *topic = help_topics; topic->name; topic++)
        fprintf(to, "  %-12s %s\n", topic->name, topic->summary);
    fputs("\nreel help COMMAND or reel help TOPIC says more.\n", to);
}

static int run(struct client *client, struct failure *failure) {
    int code = client_operands(client, 0, 1, "at most COMMAND or TOPIC", failure);
    if (code != 0) return code;
    if (client->args.count == 0) {
        help_all(client->out.to);
        return 0;
    }
    const char *name = client->args.operands[0];
    const struct command *command = command_find(name);
    if (command) {
        help_command(command, client->out.to);
        return 0;
    }
    for (const struct help_topic *topic = help_topics; topic->name; topic++) {
        if (strcmp(topic->name, name) != 0) continue;
        fputs(topic->text, client->out.to);
        return 0;
    }
    failure_usage(failure, "there is no command and no topic `%s`", name);
    return failure_advise(failure, EXIT_USAGE, "reel help lists them.");
}

const struct command command_help = {
    .name = "help",
    .usage = "[COMMAND | TOPIC]",
    .summary = "explain a command or a topic",
    .needs_no_server = true,
    .run = run,
};
