/* retry.c: see retry.h. */
#include "client/retry.h"

#include "base/clock.h"

#include <unistd.h>

#define PATIENCE_S  60
#define PAUSE_S_MAX 10
#define SECONDS_MAX (UINT64_C(365) * 86400)

int retry_begin(struct retry *retry, const struct client *client, struct failure *failure) {
    uint64_t seconds = PATIENCE_S;
    int code = args_number(&client->args, "retry", &seconds, failure);
    if (code == 0 && seconds > SECONDS_MAX)
        code = failure_usage(failure, "option `--retry` is more than a year");
    *retry =
        (struct retry){.client = client, .until_ms = clock_ms() + seconds * 1000, .pause_s = 1};
    return code;
}

int retry_wait(struct retry *retry, int code, struct failure *failure) {
    if (clock_ms() + retry->pause_s * 1000 > retry->until_ms) return code;
    client_remark(retry->client, "%s; trying again", failure->error.text);
    sleep(retry->pause_s);
    retry->pause_s = retry->pause_s * 2 < PAUSE_S_MAX ? retry->pause_s * 2 : PAUSE_S_MAX;
    return 0;
}
