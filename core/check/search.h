/* search.h: finds the strings that a plugin compares types and members with, by what is executed.
 */
#ifndef REEL_CHECK_SEARCH_H
#define REEL_CHECK_SEARCH_H

#include "check/sheet.h"

/* From here on this process's callbacks are traced (trace.h). */
void search_begin(void);

/* What comes behind each prefix: adds types. */
void search_types(struct sheet *sheet);

/* What the members are that were asked for as strings, in events of each type: adds words. */
void search_values(struct sheet *sheet);

/* After a crash of the plugin: the attempt of which it crashed is not made again, but kept as
 * found. */
void search_crashed(struct lesson *lesson);

#endif
