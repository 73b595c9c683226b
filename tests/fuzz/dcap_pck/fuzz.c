/* SPDX-License-Identifier: Apache-2.0 */
/* The SGX extension of a PCK certificate. */
#include "policy/evidence/dcap/pck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_report report = {0};
    struct lk_dcap_say say = {&report, "tdx"};
    struct lk_pck pck;
    lk_result r = lk_pck_read(lk_bytes(data, size), &say, &pck);
    if (lk_ok(r) ? pck.fmspc.len != 6 || pck.cpu_svn.len != 16 || pck.ppid.len != 16 : report.n != 1)
        __builtin_trap();
    return 0;
}
