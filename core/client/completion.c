/* completion.c: `reel completion SHELL`: prints the script that the shell must source. The scripts
 * ask `reel __complete` (complete.c). */
#include "client/client.h"

static const struct {
    const char *shell, *script;
} scripts[] = {
    {
        "bash",
#include "completion_bash.inc"
    },
    {
        "zsh",
#include "completion_zsh.inc"
    },
    {
        "fish",
#include "completion_fish.inc"
    },
};

static int run(struct client *client, struct failure *failure) {
    int code = client_operands(client, 1, 1, "bash, zsh or fish", failure);
    if (code != 0) return code;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        if (strcmp(scripts[i].shell, client->args.operands[0]) != 0) continue;
        fputs(scripts[i].script, client->out.to);
        return 0;
    }
    return failure_usage(failure, "there is no completion for `%s`: wanted bash, zsh or fish",
                         client->args.operands[0]);
}

const struct command command_completion = {
    .name = "completion",
    .usage = "bash | zsh | fish",
    .summary = "print a script that completes command lines",
    .help = "  bash:  source <(reel completion bash)\n"
            "  zsh:   source <(reel completion zsh)      # after compinit\n"
            "  fish:  reel completion fish | source\n"
            "\n"
            "Completes commands and options, and the server's collections, keys, fields, values\n"
            "and verbs. Where the client is installed as a package, the scripts are installed.\n",
    .needs_no_server = true,
    .run = run,
};
