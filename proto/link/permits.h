/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_LINK_PERMITS_H
#define LK_LINK_PERMITS_H
/* The permit tables: which frame types may arrive on which link, and which bring a descriptor. */
#include "proto/link/frame.h"

/* True when a frame of the type brings exactly one descriptor; on every other frame one is forbidden. */
bool lk_frame_brings_fd(uint16_t type);

/* True when frames of the link may bring descriptors at all. */
bool lk_link_brings_fds(enum lk_link link);

/* Largest payload of the type; 0 for unknown types. */
size_t lk_frame_max(uint16_t type);

#endif
