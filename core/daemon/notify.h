/* notify.h: reports the state of the daemon to a service manager, if there is one (sd_notify(3)).
 */
#ifndef REEL_DAEMON_NOTIFY_H
#define REEL_DAEMON_NOTIFY_H

/* "READY=1", "STOPPING=1", "WATCHDOG=1". If it cannot be sent within a second, it is lost;
 * WATCHDOG=1, at once. */
void notify(const char *state);

#endif
