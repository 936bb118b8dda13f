/* exit_code.h: exit codes of Reel's programs. */
#ifndef REEL_BASE_EXIT_CODE_H
#define REEL_BASE_EXIT_CODE_H

enum {
    EXIT_GOOD = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3, /* a client: there was no connection to the server */
    EXIT_DIFFERENT = 1,   /* `reeld plan`: something changes. It has failed: */
    EXIT_UNKNOWN = 4,     /* what changes could not be found out, or not of every collection */
};

#endif
