/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_TARGET_H
#define LK_FETCH_TARGET_H
/* Where a secret goes: the TARGET of --secret NAME=TARGET (docs/man/latchkey-fetch.1, TARGETS). */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum lk_target_kind {
    LK_TARGET_STREAM,   /* "-" or "fd:N" */
    LK_TARGET_FILE,     /* PATH, or file:PATH,mode=0400,owner=1000:1000,on-disk */
    LK_TARGET_CRYPTTAB, /* crypttab:VOLUME,device=DEVICE,uuid=UUID: answered on systemd-cryptsetup's socket */
    LK_TARGET_LUKS,     /* luks:DEVICE,name=NAME,uuid=UUID: opened by cryptsetup */
    LK_TARGET_ENROL,    /* the device of --enroll-luks */
};

#define LK_TARGET_PATH_MAX 255
#define LK_TARGET_NAME_MAX 63

struct lk_target {
    enum lk_target_kind kind;
    int fd;
    char path[LK_TARGET_PATH_MAX + 1]; /* file, or block device */
    char name[LK_TARGET_NAME_MAX + 1]; /* volume, or device mapper name */
    char uuid[LK_TARGET_NAME_MAX + 1]; /* of the LUKS header; "" for any */
    mode_t mode;
    uid_t owner;
    gid_t group;
    bool has_owner;
    bool in_memory; /* only into a file system that is in memory */
};

/* False when the text is no target. A plain path is taken as it is; names of the other forms end at the first comma. */
bool lk_target_parse(const char *text, struct lk_target *out);

#endif
