/* host.h: the table of functions that plugins call. <reel/host.h> has the contract of each
 * function. */
#ifndef REEL_ENGINE_FOLD_HOST_H
#define REEL_ENGINE_FOLD_HOST_H

#include <reel/host.h>

extern const struct reel_host host_table;

#endif
