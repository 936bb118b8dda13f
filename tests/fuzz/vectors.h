/* vectors.h: reading the reference vectors, the files of tests/vectors/: each a list of cases, each
 * with steps (a payload and its outcome) and the records that they lead to.
 */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include <jansson.h>
#include <stddef.h>

/* All cases of all files, in the order of the files' names: a new reference. `root` is that of
 * the sources. Ends the process with a message if they cannot be read. */
json_t *vectors_load(const char *root);

/* A step's payload, from `payload` or `payload_base64`; free() it. */
char *vector_payload(const json_t *step, size_t *ret_len);

#endif
