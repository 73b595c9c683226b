/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SUPERVISOR_LISTEN_H
#define LK_SUPERVISOR_LISTEN_H
#include "broker/supervisor/config.h"

/* Opens every address of the configuration, non-blocking, and logs what it got (port 0 becomes a real one). IO. */
LK_MUST_USE lk_result lk_listen_all(const struct lk_config *c, int fds[static LK_CONFIG_LISTEN_MAX], size_t *n);

#endif
