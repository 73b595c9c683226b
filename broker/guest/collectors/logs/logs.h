/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLECTOR_LOGS_H
#define LK_COLLECTOR_LOGS_H
/*
 * The kernel's logs as a collector: the TCG event log of the firmware and IMA's list, as files of securityfs
 * (Documentation/ABI/testing/ima_policy; drivers/char/tpm/eventlog). They are sent as they are: quotes vouch for them.
 */
#include "broker/guest/collectors/serve.h"

struct lk_logs_options {
    const char *securityfs; /* "/sys/kernel/security"; mounted there when it is not */
};

/*
 * families "eventlog" and "ima", part "log". NO_DEVICE when the kernel has no such log, or an empty one; DEVICE when it
 * cannot be read or is longer than LK_COLLECTOR_PART_MAX. self: struct lk_logs_options.
 */
extern const struct lk_collector_ops lk_logs_collector_ops;

#endif
