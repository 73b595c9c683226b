/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/release/pack.h"

lk_result lk_pack(struct lk_buf *out, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *room = lk_put_room(out, n);
    if (room != NULL)
        protobuf_c_message_pack(m, room);
    return lk_buf_ok(out);
}

void lk_pack_field(struct lk_buf *out, unsigned number, struct lk_bytes content)
{
    size_t n = content.len;
    lk_put_u8(out, (uint8_t)(number << 3 | 2)); /* wire type 2 */
    for (; n > 0x7f; n >>= 7)
        lk_put_u8(out, (uint8_t)((n & 0x7f) | 0x80));
    lk_put_u8(out, (uint8_t)n);
    lk_put(out, content);
}

ProtobufCBinaryData lk_pack_bytes(struct lk_bytes b)
{
    return (ProtobufCBinaryData){.len = b.len, .data = (uint8_t *)(uintptr_t)b.data};
}
