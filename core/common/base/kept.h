/* kept.h: descriptors that outlive the process that uses them: listening sockets, and the copies of
 * plugins; and numbers.
 *
 * `reeld` runs its worker again when a plugin has ended it. Clients that connect meanwhile should
 * wait, and not be refused; and the next worker should run the same plugins, whatever has happened
 * to their files. So a worker hands such descriptors to the process that watches it, and the next
 * worker gets them back, by the text by which they were opened.
 *
 * A process has one keeper, or none: then nothing is kept.
 */
#ifndef REEL_BASE_KEPT_H
#define REEL_BASE_KEPT_H

#include <stdint.h>

/* Longest text by which a descriptor is kept, with its NUL. What has a longer one is not kept. */
#define KEPT_NAME_MAX 280

/* A number, such as how far a sink has come. 0 at first. */
typedef _Atomic uint64_t kept_number_value;

struct keeper {
    /* A descriptor, which becomes the caller's, or -1. */
    int (*find)(void *context, const char *name);
    /* The first text with this beginning, of those that are still there, in the order in which they
     * were kept; it is valid until the next call. NULL: there is none. */
    const char *(*first)(void *context, const char *beginning);
    /* The descriptor stays the caller's. */
    void (*keep)(void *context, const char *name, int fd);
    kept_number_value *(*number)(void *context, const char *name);
    void *context;
};

/* `keeper` is borrowed. [before there are other threads] */
void kept_use(const struct keeper *keeper);

/* It lives as long as the keeper; NULL: none is kept. */
kept_number_value *kept_number(const char *name);

/* -1: there is none. */
int kept_find(const char *name);
const char *kept_first(const char *beginning);
void kept_keep(const char *name, int fd);

#endif
