/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_INTEROP_TEST_SERVICE_H
#define LK_INTEROP_TEST_SERVICE_H
/*
 * grpc.testing.TestService (grpc/testing/test.proto) as the gRPC document "interop-test-descriptions" asks of a
 * server: EmptyCall, UnaryCall, StreamingOutputCall, StreamingInputCall, FullDuplexCall, echo of status and metadata.
 * UnimplementedCall and UnimplementedService are absent on purpose.
 */
#include "proto/grpc/server.h"

struct event_base;

/* Adds the methods. The service lives as long as the process. */
LK_MUST_USE lk_result lk_test_service_add(struct lk_grpc_server *server, struct event_base *base);

#endif
