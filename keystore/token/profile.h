/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TOKEN_PROFILE_H
#define LK_TOKEN_PROFILE_H
/*
 * What a vendor's module must be let do, under a name: the setting "profile". "file" (the default) is for modules that
 * keep their token in files, such as SoftHSM; "network" adds outgoing connections. Files are those of the settings
 * read-only and read-write, where Landlock is offered.
 */
#include "proto/base/sandbox.h"
#include "proto/link/settings.h"

#define LK_TOKEN_PATHS_MAX 32

struct lk_token_profile {
    struct lk_sandbox sandbox;
    struct lk_sandbox_path paths[LK_TOKEN_PATHS_MAX];
};

/*
 * The profile, for lk_sandbox_begin (once the settings are read: they are the supervisor's) and lk_sandbox_enter (once
 * the module is loaded and logged in). out and s must outlive both. CONFIG: unknown name, too many paths.
 */
LK_MUST_USE lk_result lk_token_profile(const struct lk_settings *s, struct lk_token_profile *out);

#endif
