/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/link/permits.h"

enum lk_index {
#define LK_FRAME(id, number, max) INDEX_##id,
#include "proto/link/frames.def"
#undef LK_FRAME
    INDEX_COUNT
};
_Static_assert(INDEX_COUNT <= 64, "a permit is one bit of 64");

static const struct {
    uint16_t type;
    uint32_t max;
} frames[INDEX_COUNT] = {
#define LK_FRAME(id, number, largest) [INDEX_##id] = {(number), (largest)},
#include "proto/link/frames.def"
#undef LK_FRAME
};

#define BIT(id) (UINT64_C(1) << INDEX_##id)

static const uint64_t permits[LK_LINK_COUNT] = {
    [LK_LINK_FRONT_WORKER] = BIT(REQ_CHALLENGE) | BIT(REQ_RELEASE) | BIT(REQ_APPRAISE) | BIT(REQ_COLLATERAL) |
                             BIT(REQ_COLLATERAL_STATUS),
    [LK_LINK_WORKER_KEEPER] = BIT(WORKER_READY) | BIT(WORKER_FAILED) | BIT(CHALLENGE) | BIT(VERDICT) |
                              BIT(COLLATERAL) | BIT(COLLATERAL_STATUS),
    [LK_LINK_KEEPER_FRONT] = BIT(TAKEN) | BIT(ANSWER) | BIT(WORKER_LOST),
    [LK_LINK_FRONT_ADMIN] = BIT(ADMIN_HELLO) | BIT(ADMIN_CHANGE) | BIT(ADMIN_QUERY),
    [LK_LINK_ADMIN_FRONT] = BIT(ANSWER),
    [LK_LINK_KEEPER_TOKEN] = BIT(CALL_WRAP) | BIT(CALL_UNWRAP) | BIT(CALL_REWRAP) | BIT(CALL_IMPORT) | BIT(CALL_SIGN) |
                             BIT(CALL_HEAD),
    [LK_LINK_TOKEN_KEEPER] = BIT(RESULT) | BIT(TOKEN_READY),
    [LK_LINK_SUPER_FRONT] = BIT(CTL_WORKER) | BIT(CTL_RETIRE) | BIT(CTL_DRAIN) | BIT(CTL_RELOAD) | BIT(CTL_RELOAD_KEY) |
                            BIT(CTL_HEALTH) | BIT(CTL_KEEPER_LINK) | BIT(CTL_ADMIN_LINK) | BIT(CTL_WORKER_GONE) |
                            BIT(CTL_CLIENT_CA) | BIT(CTL_CALLERS) | BIT(CTL_LIMITS) | BIT(CTL_LOG),
    [LK_LINK_FRONT_SUPER] = BIT(CTL_READY) | BIT(CTL_RETIRED) | BIT(CTL_TIRED) | BIT(CTL_FATAL) |
                            BIT(CTL_WORKER_HUNG),
    [LK_LINK_SUPER_KEEPER] = BIT(CTL_WORKER) | BIT(CTL_DRAIN) | BIT(CTL_ADMIN_LINK) | BIT(CTL_FRONT_LINK) |
                             BIT(CTL_TOKEN_LINK) | BIT(CTL_WORKER_GONE) | BIT(CTL_GENERATION_DEAD) | BIT(CTL_SETTINGS) |
                             BIT(CTL_HEALTH),
    [LK_LINK_KEEPER_SUPER] = BIT(CTL_READY) | BIT(CTL_SNAPSHOT) | BIT(CTL_ACTIVE) | BIT(CTL_FATAL) | BIT(CTL_TOKEN_HUNG) |
                             BIT(CTL_WORKER_UP),
};

static const uint64_t with_fd = BIT(CTL_WORKER) | BIT(CTL_RELOAD) | BIT(CTL_RELOAD_KEY) | BIT(CTL_KEEPER_LINK) |
                                BIT(CTL_ADMIN_LINK) | BIT(CTL_FRONT_LINK) | BIT(CTL_TOKEN_LINK) | BIT(CTL_SNAPSHOT) |
                                BIT(CTL_SETTINGS) | BIT(CTL_CLIENT_CA);

/* The row of the type, or INDEX_COUNT. */
static size_t index_of(uint16_t type)
{
    size_t i = 0;
    while (i < INDEX_COUNT && frames[i].type != type)
        i++;
    return i;
}

static bool holds(uint64_t set, size_t index)
{
    return index < INDEX_COUNT && (set >> index & 1) != 0;
}

bool lk_link_permits(enum lk_link link, uint16_t type, size_t payload_len)
{
    size_t i = index_of(type);
    return (unsigned)link < LK_LINK_COUNT && holds(permits[link], i) && payload_len <= frames[i].max;
}

bool lk_frame_brings_fd(uint16_t type)
{
    return holds(with_fd, index_of(type));
}

bool lk_link_brings_fds(enum lk_link link)
{
    return (unsigned)link < LK_LINK_COUNT && (permits[link] & with_fd) != 0;
}

size_t lk_frame_max(uint16_t type)
{
    size_t i = index_of(type);
    return i < INDEX_COUNT ? frames[i].max : 0;
}
