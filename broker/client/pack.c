/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/client/pack.h"

void lk_client_pack(struct lk_buf *out, const void *message)
{
    const ProtobufCMessage *m = message;
    uint8_t *room = lk_put_room(out, protobuf_c_message_get_packed_size(m));
    if (room != NULL)
        protobuf_c_message_pack(m, room);
}

ProtobufCBinaryData lk_client_bin(struct lk_bytes b)
{
    return (ProtobufCBinaryData){.len = b.len, .data = (uint8_t *)(uintptr_t)b.data};
}
