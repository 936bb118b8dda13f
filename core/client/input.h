/* input.h: a file that the user names, or standard input. */
#ifndef REEL_CLIENT_INPUT_H
#define REEL_CLIENT_INPUT_H

#include "base/text.h"
#include "client/failure.h"

/* Reads all of it. `name` is "-" for standard input. */
int input_read(const char *name, size_t most, struct text *ret, struct failure *failure);

#endif
