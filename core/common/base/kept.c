/* kept.c: see kept.h. */
#include "base/kept.h"

#include <stddef.h>
#include <string.h>

static const struct keeper *keeper;

void kept_use(const struct keeper *used) {
    keeper = used;
}

int kept_find(const char *name) {
    return keeper ? keeper->find(keeper->context, name) : -1;
}

const char *kept_first(const char *beginning) {
    return keeper ? keeper->first(keeper->context, beginning) : NULL;
}

kept_number_value *kept_number(const char *name) {
    return keeper && keeper->number ? keeper->number(keeper->context, name) : NULL;
}

void kept_keep(const char *name, int fd) {
    if (keeper && strlen(name) < KEPT_NAME_MAX) keeper->keep(keeper->context, name, fd);
}
