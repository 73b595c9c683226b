/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_LIMITS_H
#define LK_BASE_LIMITS_H
/* Limits that more than one layer keeps to. */

#define LK_BUNDLE_MAX (4u << 20) /* bytes of one client request message: front, verifier, and what a challenge tells the guest */

#endif
