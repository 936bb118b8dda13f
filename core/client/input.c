/* input.c: see input.h. */
#include "client/input.h"

#include "client/files.h"

#include <unistd.h>

int input_read(const char *name, size_t most, struct text *ret, struct failure *failure) {
    bool is_stdin = strcmp(name, "-") == 0;
    int rc = is_stdin ? file_read_all(STDIN_FILENO, most, ret) : file_read(name, most, ret);
    if (rc == 0) return 0;
    const char *shown = is_stdin ? "standard input" : name;
    if (rc == -EFBIG) return failure_usage(failure, "%s has more than %zu bytes", shown, most);
    return failure_usage(failure, "cannot read %s: %s", shown, strerror(-rc));
}
