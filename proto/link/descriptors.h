/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_LINK_DESCRIPTORS_H
#define LK_LINK_DESCRIPTORS_H
/*
 * Descriptors that the supervisor gives a program at exec. 0 and 1 are /dev/null, 2 is the log, 3 is the
 * control link (a stream socket pair that carries frames) of each program that has one; everything else is closed.
 *
 * latchkey-front --listeners=N [--sandbox=normal|strict] [--log=debug|info|warn|error]
 *   3            control link: receives LK_LINK_SUPER_FRONT, sends LK_LINK_FRONT_SUPER
 *   4 .. 3 + N   listening TCP sockets (1 <= N <= 16)
 *
 * All else arrives on the control link, at the start and again on each reload, in any order but for the TLS files:
 *   CTL_LIMITS       struct lk_front_limits (proto/link/front_config.h); without it the defaults hold
 *   CTL_CALLERS      n times {32 bytes SHA-256 of a client certificate (DER), u32 roles}: replaces the whole table
 *   CTL_CLIENT_CA    with the descriptor of the PEM file of client CAs; kept for the next CTL_RELOAD_KEY
 *   CTL_RELOAD       with the descriptor of the certificate chain (PEM, leaf first); kept for the next CTL_RELOAD_KEY
 *   CTL_RELOAD_KEY   with the descriptor of the private key (PEM, no passphrase). Now the three files together replace
 *                    the TLS setup of new connections; no CTL_CLIENT_CA since the last one = no client certificates.
 *                    A set that does not load is logged and the old one stays; if there is none yet, the front exits.
 *   CTL_KEEPER_LINK, CTL_ADMIN_LINK, CTL_WORKER   sockets; a new keeper or admin link replaces the old one
 * Descriptors of files may be of any kind that can be read to its end (file, pipe, memfd); at most 64 KiB each.
 *
 * The front sends CTL_READY once, when the first TLS setup has loaded and it accepts connections; workers may come
 * before or after. It judges nothing by the order of workers.
 *   worker.requests (lk_front_limits) reached  -> the front gives the worker no more; when it is idle, CTL_TIRED
 *   CTL_RETIRE g   -> no more to workers of generations <= g; as each is idle, CTL_RETIRED
 *   after CTL_TIRED or CTL_RETIRED the front has closed its socket to that worker and forgotten it
 *   CTL_WORKER_GONE -> its socket is closed; a request that it had is answered when the keeper says WORKER_LOST
 *   CTL_DRAIN      -> GOAWAY to all clients, no new connections, exit 0 when the last is gone, at the latest
 *                     lk_front_limits.drain_ms later
 * The end of the control link ends the front (exit 1).
 */

#define LK_FD_LOG 2
#define LK_FD_CONTROL 3
#define LK_FD_FIRST 4 /* the first descriptor of a program's own */

#define LK_FRONT_LISTENERS_MAX 16

#endif
