/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_LINK_DESCRIPTORS_H
#define LK_LINK_DESCRIPTORS_H
/*
 * Descriptors that the supervisor gives a program at exec. 0 and 1 are /dev/null, 2 is the log, 3 is the
 * control link (a stream socket pair that carries frames) of each program that has one; everything else is closed.
 * 2 is a pipe: the supervisor copies whole lines from it to its own log.
 *
 * latchkey-front --listeners=N [--sandbox=normal|strict] [--log=debug|info|warn|error]
 *   3            control link: receives LK_LINK_SUPER_FRONT, sends LK_LINK_FRONT_SUPER
 *   4 .. 3 + N   listening TCP sockets (1 <= N <= 16)
 *
 * All else arrives on the control link, at the start and again on each reload, in any order but for the TLS files:
 *   CTL_LOG          u32 enum lk_log_level
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
 *   worker_requests (lk_front_limits) reached  -> CTL_TIRED; the worker goes on. The next CTL_WORKER relieves one such
 *                     worker: it gets no more, and as it is idle, CTL_RETIRED
 *   CTL_RETIRE g   -> no more to workers of generations <= g; as each is idle, CTL_RETIRED
 *   after CTL_RETIRED the front has closed its socket to that worker and forgotten it
 *   one request for twice the longest deadline -> CTL_WORKER_HUNG: the supervisor kills the worker
 *   TAKEN for a request that the worker does not have -> CTL_FATAL with its number: the supervisor kills the worker
 *   CTL_WORKER_GONE -> its socket is closed; a request that it had is answered when the keeper says WORKER_LOST
 *   CTL_DRAIN      -> GOAWAY to all clients, no new connections, exit 0 when the last is gone, at the latest
 *                     lk_front_limits.drain_ms later
 * The end of the control link ends the front (exit 1).
 *
 * The other programs take no arguments from the supervisor; their settings are a sealed memfd at
 * LK_FD_SETTINGS (proto/link/settings.h), to be read with lk_settings_read, which closes it. The end of file on
 * LK_FD_CONTROL (token: LK_FD_TOKEN_KEEPER; verifier: LK_FD_VERIFIER_REQUESTS) means: leave with _exit(0).
 *
 * latchkey-keeper    3 control | 4 settings. Its working directory is the state folder; it opens its store there.
 *                    Exit 78: the store is damaged, rolled back, foreign or newer, or strict sandboxing is not to be had.
 *                    The supervisor gives up with the same code, as for a token's 78. 75: start again.
 * latchkey-token     3 link to the keeper | 4 settings | 5 PIN file, whose first line is the PIN
 *                    Exit 78: wrong PIN, missing key or mechanism. It must not be started again with the same settings: each
 *                    start would spend one more try of the PIN. Exit 0: the link was closed. Anything else: start again.
 * latchkey-verifier  3 requests, from the front | 4 settings | 5 verdicts, to the keeper | 6 snapshot, mapped, then closed
 *
 * How the ring is wired
 *   start         supervisor starts token, keeper and front at once. Keeper gets CTL_TOKEN_LINK, CTL_FRONT_LINK and
 *                 CTL_ADMIN_LINK, front gets CTL_KEEPER_LINK and CTL_ADMIN_LINK. Keeper says CTL_READY when its store is
 *                 open and it has locked itself in. The front listens at once and answers UNAVAILABLE without a worker.
 *   generation    keeper sends CTL_SNAPSHOT; the supervisor starts workers, sends the keeper a CTL_WORKER for each (the
 *                 verdict link), and holds the front's ends back. A worker says WORKER_READY on its verdict link, the
 *                 keeper then CTL_WORKER_UP.
 *                 Keeper sends CTL_ACTIVE; only then the front gets a CTL_WORKER (the request link) for each, and
 *                 CTL_RETIRE of the generation before. Front says CTL_RETIRED for each of its workers when idle: the
 *                 supervisor ends it. When a worker of a generation that is not active dies, the supervisor ends the
 *                 others, keeps the snapshot, and sends the keeper CTL_GENERATION_DEAD. Either the keeper drops the
 *                 generation and says so by CTL_ACTIVE of the old one, or it had put it in force already (CTL_ACTIVE of the
 *                 new one): then the supervisor starts its workers anew.
 *   worker dies   keeper and front get CTL_WORKER_GONE; the keeper reads its verdict link to the end and sends
 *                 WORKER_LOST to the front, always after the last ANSWER from it; only then the front answers
 *                 UNAVAILABLE. A replacement comes with CTL_WORKER to the keeper, and to the front after CTL_WORKER_UP.
 *   front dies    keeper gets a new CTL_FRONT_LINK and CTL_ADMIN_LINK, which replace the old, and new workers.
 *   token dies    keeper gets a new CTL_TOKEN_LINK, which replaces the old; TOKEN_READY comes on it.
 *   keeper dies   all are ended and started again.
 */

#define LK_FD_LOG 2
#define LK_FD_CONTROL 3
#define LK_FD_FIRST 4 /* the first descriptor of a program's own */

#define LK_FRONT_LISTENERS_MAX 16

#define LK_FD_SETTINGS 4

#define LK_FD_KEEPER_END 5 /* the least descriptor that is closed */

#define LK_EXIT_NO_USE 78 /* of any program: starting it again is no use before someone has changed something */
#define LK_FD_TOKEN_KEEPER 3
#define LK_FD_TOKEN_PIN 5
#define LK_FD_TOKEN_END 6

#define LK_FD_VERIFIER_REQUESTS 3
#define LK_FD_VERIFIER_VERDICTS 5
#define LK_FD_VERIFIER_SNAPSHOT 6
#define LK_FD_VERIFIER_END 7

#endif
