/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/limits.h"

struct lk_grpc_limits lk_grpc_limits_default(void)
{
    return (struct lk_grpc_limits){
        .connections = 1024,
        .streams = 32,
        .header_list = 8192,
        .body_memory = 256u << 20,
        .body_memory_connection = 32u << 20,
        .body_memory_large = 256u << 20,
        .large_message = UINT32_MAX,
        .request_rate = 50,
        .request_burst = 200,
        .minimum_rate = 1024,
        .grace_ms = 5000,
        .deadline_ms = 30000,
        .handshake_ms = 10000,
        .idle_ms = 5 * 60 * 1000,
        .write_stall_ms = 20000,
        .connection_age_ms = 30 * 60 * 1000,
        .drain_ms = 20000,
        .ping_interval_ms = 5 * 60 * 1000,
        .ping_strikes = 2,
        .reset_rate = 20,
        .reset_burst = 100,
        .output = 4u << 20,
        .retry_ms = 1000,
    };
}
