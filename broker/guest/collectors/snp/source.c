/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/snp/source.h"

void lk_snp_evidence_free(struct lk_snp_evidence *e)
{
    lk_buf_free(&e->report);
    lk_buf_free(&e->certs);
    lk_buf_free(&e->manifest);
}
