/* field_kind.h: what people and clients call the kinds of fields. */
#ifndef REEL_BASE_FIELD_KIND_H
#define REEL_BASE_FIELD_KIND_H

#include <reel/projector.h>

/* As in /v1/plugins. Of a kind that the host accepts; constant. */
const char *field_kind_name(reel_field_kind kind);

#endif
