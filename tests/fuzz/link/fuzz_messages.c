/* SPDX-License-Identifier: Apache-2.0 */
/* The small messages: what decodes encodes to the same bytes. The first byte chooses the message. */
#include "proto/link/front_config.h"
#include "proto/link/messages.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRY(type, get, put)                \
    do {                                   \
        type m_;                           \
        known = lk_ok(get(in, &m_));       \
        if (known)                         \
            put(&b, &m_);                  \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct lk_bytes in = lk_bytes(data + 1, size - 1);
    LK_BUF_AUTO b = lk_buf(8u << 20);
    bool known = false, flag;
    uint64_t v;
    char text[481];
    switch (data[0] % 8) {
    case 0: TRY(struct lk_msg_request, lk_msg_request_get, lk_msg_request_put); break;
    case 1: TRY(struct lk_msg_answer, lk_msg_answer_get, lk_msg_answer_put); break;
    case 2: TRY(struct lk_msg_ready, lk_msg_ready_get, lk_msg_ready_put); break;
    case 3: TRY(struct lk_msg_worker, lk_msg_worker_get, lk_msg_worker_put); break;
    case 4: TRY(struct lk_msg_snapshot, lk_msg_snapshot_get, lk_msg_snapshot_put); break;
    case 5: TRY(struct lk_front_limits, lk_front_limits_get, lk_front_limits_put); break;
    case 6:
        known = lk_ok(lk_msg_text_get(in, &v, text, sizeof(text)));
        if (known)
            lk_msg_text_put(&b, v, text);
        break;
    default:
        known = lk_ok(lk_msg_health_get(in, &flag, text, sizeof(text)));
        if (known)
            lk_msg_health_put(&b, flag, text);
    }
    if (known && !lk_bytes_eq(lk_buf_bytes(&b), in))
        abort();
    return 0;
}
