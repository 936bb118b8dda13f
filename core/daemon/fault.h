/* fault.h: a file of the store that cannot be read through its map.
 *
 * The log's segments and LMDB's file are read in place, through maps. When a file was cut short by
 * somebody else, or its disk fails, the access is a SIGBUS. Nothing can be done then but to end;
 * but the operator is told which file it was, and where.
 */
#ifndef REEL_DAEMON_FAULT_H
#define REEL_DAEMON_FAULT_H

/* From now on a SIGBUS of a mapped file of the store ends the process with a line that names the
 * file and the offset, and status EXIT_FAILED. Any other SIGBUS does what it did before. Returns 0
 * or a negative errno value, and then nothing has changed. [before there are other threads] */
int fault_watch(void);

#endif
