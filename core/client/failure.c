/* failure.c: see failure.h. */
#include "client/failure.h"

#include <stdarg.h>
#include <stdio.h>

/* error_set takes no va_list. */
REEL_PRINTF(3, 0)
static int set(struct failure *failure, int code, const char *format, va_list args) {
    char text[sizeof failure->error.text];
    vsnprintf(text, sizeof text, format, args);
    error_set(&failure->error, "%s", text);
    failure->advice[0] = '\0';
    return code;
}

int failure_usage(struct failure *failure, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int code = set(failure, EXIT_USAGE, format, args);
    va_end(args);
    return code;
}

int failure_set(struct failure *failure, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int code = set(failure, EXIT_FAILED, format, args);
    va_end(args);
    return code;
}

int failure_unreachable(struct failure *failure, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int code = set(failure, EXIT_UNREACHABLE, format, args);
    va_end(args);
    return code;
}

int failure_memory(struct failure *failure) {
    return failure_set(failure, "out of memory");
}

int failure_advise(struct failure *failure, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(failure->advice, sizeof failure->advice, format, args);
    va_end(args);
    return code;
}

int failure_of_output(struct failure *failure) {
    return failure_set(failure, "cannot write the output%s%s", errno ? ": " : "",
                       errno ? strerror(errno) : "");
}
