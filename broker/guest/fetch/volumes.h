/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_VOLUMES_H
#define LK_FETCH_VOLUMES_H
/*
 * Keys of crypttab volumes, over the socket that systemd-cryptsetup takes for a key file: crypttab(5), "AF_UNIX KEY
 * FILES". The volume's name is in the name that the other side has bound: NUL RANDOM "/cryptsetup/" VOLUME. What asks for
 * something else (/cryptsetup-tpm2/, /cryptsetup-fido2-salt/, /cryptsetup-pkcs11/) wants an encrypted blob: it is
 * never answered.
 */
#include "broker/guest/fetch/target.h"
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#define LK_VOLUMES_FOLDER "/run/cryptsetup-keys.d"
#define LK_VOLUMES_MAX 16

struct lk_volumes;

/* NULL without memory. */
struct lk_volumes *lk_volumes_new(void);
/* Removes the sockets that it made, and wipes the keys. NULL is fine. */
void lk_volumes_free(struct lk_volumes *v);

/*
 * Listens for a volume: on the socket of that path that systemd passed (sd_listen_fds(3)), else on FOLDER/VOLUME.key,
 * which it makes. Who connects waits until the key is there, and gets it only if the header of target->path, where there
 * is one, is good (luks.h). OUTPUT, with a message on standard error: the folder
 * cannot be made, or something that is no socket has the name.
 */
LK_MUST_USE lk_result lk_volumes_add(struct lk_volumes *v, const char *folder, const struct lk_target *target);

/* The key of a volume that was added, copied. MEMORY. */
LK_MUST_USE lk_result lk_volumes_put(struct lk_volumes *v, const char *volume, struct lk_bytes key);

/*
 * Answers who asks until `until` (lk_clock_mono_ms). Ends before that when each volume has been asked for, unless `all`
 * is false: then only time ends it. Volumes without a key are left waiting.
 */
void lk_volumes_serve(struct lk_volumes *v, uint64_t until, bool all);

/* A volume that has a key and was never asked for; NULL: none. */
const char *lk_volumes_unasked(const struct lk_volumes *v);

/* Those that wait for keys that will not come: they see the end of file, and ask a person. */
void lk_volumes_give_up(struct lk_volumes *v);

/* The volume in the name of a peer (sun_path and its length): borrowed; absent when it asks for something else. */
struct lk_bytes lk_volumes_peer(struct lk_bytes sun_path);

/* sd_notify(3): READY=1, if systemd waits for it. */
void lk_notify_ready(void);

#endif
