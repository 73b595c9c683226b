/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_HEALTH_H
#define LK_GRPC_HEALTH_H
/*
 * grpc.health.v1.Health. Check of a service that is not listed: NOT_FOUND. Watch answers at once and on every
 * change; an unlisted service is SERVICE_UNKNOWN there, and the stream stays open. "" is the whole server.
 */
#include "proto/grpc/server.h"

struct lk_grpc_health;

/* Adds both methods to the server. The names live as long as the health; each begins as not serving. NULL without memory. */
struct lk_grpc_health *lk_grpc_health_new(struct lk_grpc_server *server, const char *const *services, size_t n);
/* After the server: its calls end there. */
void lk_grpc_health_free(struct lk_grpc_health *h);

/* Tells every watcher whose answer changes. An unlisted service is ignored. */
void lk_grpc_health_set(struct lk_grpc_health *h, const char *service, bool serving);

#endif
