/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_IMA_VERITY_H
#define LK_IMA_VERITY_H
/*
 * dm-verity targets in what the device mapper has IMA measure: buffers named dm_table_load (Linux,
 * Documentation/admin-guide/device-mapper/dm-ima.rst):
 *
 *   dm_version=4.45.0;name=root,uuid=...,major=253,...,num_targets=1;target_index=0,...,target_name=verity,...,
 *   verity_algorithm=sha256,root_digest=29cb...,salt=...,...;
 *
 * The kernel writes a backslash before each of these separators, and before a backslash, in names.
 */
#include "policy/appraise/value.h"
#include "proto/base/arena.h"
#include "proto/base/result.h"

/*
 * Adds a member for each verity target of the table: the device's name, algorithm and root digest. A root digest or
 * algorithm that cannot be read gives a member without a digest, which no list holds. list has room for max members,
 * *n are in it. IMA_LIMIT when there is no room, MEMORY.
 */
LK_MUST_USE lk_result lk_ima_verity(struct lk_bytes table, struct lk_arena *arena, struct lk_member *list, size_t max,
                                    size_t *n);

#endif
