/* config_support.h: what the tests of the configuration share: settings of a daemon and of a sink,
 * a directory where the configuration file is reel.json, and what a line of arguments comes to. */
#ifndef TESTS_CONFIG_SUPPORT_H
#define TESTS_CONFIG_SUPPORT_H

#include "unit.h"

#include "daemon/config/config.h"

/* Setup: a directory of its own, and no variable of a setting. */
int config_enter(void **state);
#define CONFIG_CASE(name) cmocka_unit_test_setup(name, config_enter)

void write_config(struct reel_str text);
void set_variable(const char *variable, const char *value);

extern const struct reel_setting *const settings_of_sink[];

/* With the settings of both, or of the daemon alone; nothing is read yet. */
struct config *declared(void);
struct config *declared_own(void);

/* The first pass over the arguments in a line, the second, and both of what must succeed. */
int peek_line(struct config *config, const char *line, struct reel_error *error);
int read_line(struct config *config, const char *line, struct reel_error *error);
struct config *read_with(const char *line);

void assert_value(const struct config *config, const char *name, const char *value,
                  const char *origin);
void assert_list(const struct config *config, const char *name, const char *joined);
void assert_refused(const char *line, int code, const char *sentence);

#endif
