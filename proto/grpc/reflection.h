/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_REFLECTION_H
#define LK_GRPC_REFLECTION_H
/*
 * grpc.reflection.v1 and v1alpha (the same messages): files by name and by symbol, and the list of services, out of
 * one FileDescriptorSet (google/protobuf/descriptor.proto) that protoc made. Extensions: none, so NOT_FOUND.
 */
#include "proto/grpc/server.h"

struct lk_grpc_reflection;

/* Adds both versions to the server. The set is borrowed and trusted. NULL without memory or room for methods. */
struct lk_grpc_reflection *lk_grpc_reflection_new(struct lk_grpc_server *server, struct lk_bytes descriptor_set);
/* After the server. */
void lk_grpc_reflection_free(struct lk_grpc_reflection *r);

/* Writes the serialized ServerReflectionResponse to a request. False when the request is none. */
bool lk_grpc_reflection_answer(struct lk_bytes descriptor_set, struct lk_bytes request, struct lk_buf *out);

#endif
