/* number_text.h: which texts are numbers of JSON. number.h has what they are. */
#ifndef REEL_JSON_NUMBER_TEXT_H
#define REEL_JSON_NUMBER_TEXT_H

#include <reel/abi.h>
#include <stdbool.h>

/* RFC 8259, section 6. */
bool json_text_is_number(struct reel_str text);

#endif
