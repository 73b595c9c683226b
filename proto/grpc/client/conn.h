/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_CLIENT_CONN_H
#define LK_GRPC_CLIENT_CONN_H
/*
 * A client's TLS 1.3 connection with ALPN "h2" (RFC 9113, 3.2). Blocking, and
 * each call has a deadline on lk_clock_mono_ms. The program ignores SIGPIPE.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

struct lk_conn;

struct lk_dial {
    const char *address;     /* "host:port", "[v6]:port"; every address of the name is tried in turn */
    const char *ca_file;     /* PEM roots that the server's certificate must chain to and whose name it must bear; NULL: the
                                certificate is not looked at (the answers' signatures say whose they are) */
    const char *server_name; /* name in the certificate when it is not the host; NULL otherwise */
    const char *certificate; /* client certificate chain and key, PEM files; both or neither */
    const char *key;
};

/*
 * Connects and shakes hands. BROKER_ADDRESS (the text is no address), BROKER_UNREACHABLE (no name, no
 * connection, closed in the handshake), BROKER_TIMEOUT, BROKER_TLS (certificate, version or ALPN), FILE (ca_file,
 * certificate, key), MEMORY. The caller closes *out.
 */
LK_MUST_USE lk_result lk_conn_open(const struct lk_dial *dial, uint64_t deadline_mono_ms, struct lk_conn **out);
void lk_conn_close(struct lk_conn *c); /* NULL is fine */

/* Waits for at least one byte. BROKER_UNREACHABLE when the peer closed, BROKER_TIMEOUT. */
LK_MUST_USE lk_result lk_conn_read(struct lk_conn *c, uint8_t *buf, size_t size, size_t *n, uint64_t deadline_mono_ms);

/* Writes all. BROKER_UNREACHABLE, BROKER_TIMEOUT. */
LK_MUST_USE lk_result lk_conn_write(struct lk_conn *c, struct lk_bytes data, uint64_t deadline_mono_ms);

/* Splits "host:port" or "[v6]:port". BROKER_ADDRESS; host at least 256 bytes, port at least 6. */
LK_MUST_USE lk_result lk_address_split(const char *address, char host[static 256], char port[static 6]);

#endif
