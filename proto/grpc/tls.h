/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_TLS_H
#define LK_GRPC_TLS_H
/*
 * TLS of the server: 1.3 only, ALPN must select h2, no tickets and no resumption (each connection shows its
 * certificate itself), optional client certificates.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#include <openssl/ssl.h>

/*
 * A context from PEM texts: certificate chain (leaf first), private key, and client CAs or LK_BYTES_NONE. With
 * client CAs a client may show a certificate, and one that does not verify ends the handshake. The caller owns *out
 * and may free it while connections still use it. CONFIG, with the part in the log.
 */
LK_MUST_USE lk_result lk_grpc_tls_new(struct lk_bytes chain, struct lk_bytes key, struct lk_bytes client_ca, SSL_CTX **out);

#endif
