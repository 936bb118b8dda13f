/* notify.h: telling a service manager how the daemon is (sd_notify(3)): nothing if there is none.
 */
#ifndef REEL_DAEMON_NOTIFY_H
#define REEL_DAEMON_NOTIFY_H

/* "READY=1", "STOPPING=1", … What cannot be sent is lost. */
void notify(const char *state);

#endif
