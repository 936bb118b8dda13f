/* console.h: the console, pages for people at `/`. They are static files (index.html and the others
 * in this folder), built into the program, and read everything by the public API. So they need no
 * token: the page asks the user for one.
 *
 * They are served only under names of the daemon's own (setting console_host). Otherwise a page of
 * another site could point its own name at this address, and would then be of the same origin as
 * the console (DNS rebinding).
 */
#ifndef REEL_SINKS_HTTP_CONSOLE_H
#define REEL_SINKS_HTTP_CONSOLE_H

#include <reel/view.h>

/* True if the header Host has this name. Ports are not compared: a tunnel has another one. */
bool console_host_is(struct reel_str host, const char *name);

/* True if it names the daemon, without the setting console_host: it is the machine itself, or the
 * address in the setting `bind`. */
bool console_host_is_local(struct reel_str host, const char *bind);

#endif
