/* search.h: finds the strings that a plugin compares types and members with, from the instructions
 * that it executes.
 */
#ifndef REEL_CHECK_SEARCH_H
#define REEL_CHECK_SEARCH_H

#include "check/sheet.h"

/* From now on, the callbacks of this process are traced (trace.h). */
void search_begin(void);

/* Finds what can follow each prefix, and adds the types. */
void search_types(struct sheet *sheet);

/* Finds the strings that members are compared with, in events of each type, and adds the words.
 * Only members that the plugin reads as strings are searched. */
void search_values(struct sheet *sheet);

/* Call this after a crash of the plugin. The attempt that crashed is kept as found, and is not made
 * again. */
void search_crashed(struct lesson *lesson);

#endif
