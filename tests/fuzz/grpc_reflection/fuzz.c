/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of reflection, which are also what reads health's: protobuf fields of strangers. */
#include "proto/grpc/reflection.h"

/* A FileDescriptorSet of one file "a" in package "p" with the service "S", method "M" and message "T" with field "f". */
static const uint8_t set[] = "\x0a\x21\x0a\x01""a\x12\x01p\x22\x0a\x0a\x01T\x12\x05\x0a\x01""f\x18\x01\x32\x0d\x0a\x01S\x12\x08\x0a\x01M\x12\x03.pT";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LK_BUF_AUTO out = lk_buf(1 << 20);
    (void)lk_grpc_reflection_answer(lk_bytes(set, sizeof(set) - 1), lk_bytes(data, size), &out);
    return 0;
}
