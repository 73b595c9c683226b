/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets: what parses is minted again to the same bytes; nothing that was not minted is admitted. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/seal/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[32] = {1};
    struct lk_ticket t = {0}, again;
    struct lk_ticket_fields f;
    if (size != LK_TICKET_LEN)
        return 0;
    memcpy(t.bytes, data, LK_TICKET_LEN);
    if (!lk_ok(lk_ticket_parse(&t, &f)))
        return 0;
    if (!lk_ok(lk_ticket_mint(&f, key, key, &again)) || memcmp(t.bytes, again.bytes, LK_TICKET_LEN - 64) != 0)
        abort();
    bool same = memcmp(t.bytes, again.bytes, LK_TICKET_LEN) == 0;
    bool passed = lk_ok(lk_ticket_admit(&t, f.start_id, key)) && lk_ok(lk_ticket_check(&t, f.start_id, key));
    if (passed != same)
        abort();
    return 0;
}
