/* record_filter.c: see record_filter.h. */
#include "follow/record_filter.h"

#include <stdlib.h>

void record_filter_finish(struct record_filter *filter) {
    if (filter->destroy) filter->destroy(filter->state);
    free(filter->text);
    *filter = (struct record_filter){0};
}
