/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SUPERVISOR_CONFIG_H
#define LK_SUPERVISOR_CONFIG_H
/*
 * latchkeyd's configuration file, YAML (docs/man/latchkeyd.conf.5). Unknown keys are errors; every error has
 * file, line and column. Paths are relative to the file's own folder.
 *
 *   schema: latchkey-config/1
 *   state: ./state                    # folder of the store; 0700
 *   listen: ["127.0.0.1:7443"]        # host:port, [v6]:port
 *   tls: {certificate: tls.pem, key: tls.key, client-ca: clients.pem}     # client-ca optional
 *   callers:                          # client certificates that may do more than ask for releases
 *     - {sha256: "…", roles: [appraise]}
 *   token: {module: /usr/lib/softhsm/libsofthsm2.so, label: latchkey, pin-file: pin, sessions: 4,
 *           environment: {SOFTHSM2_CONF: softhsm2.conf}, read-write: [tokens], timeout: 5s}
 *   verifiers: 2                      # worker processes
 *   worker-requests: 10000            # a worker is replaced after so many
 *   challenge-lifetime: 120s
 *   limits: {connections: 1024, streams: 32, body-memory: 256MiB, request-rate: 50, request-burst: 200, minimum-rate: 1KiB}
 *   store: {max-size: 1GiB}
 *   sandbox: normal                   # or strict
 *   log: {level: info}
 *   users: {front: latchkey-front, verifier: latchkey-verifier, keeper: latchkey-keeper, token: latchkey-token}   # when started as root
 */
#include "proto/base/report.h"

struct lk_config;
#endif
