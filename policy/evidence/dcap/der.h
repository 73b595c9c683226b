/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DCAP_DER_H
#define LK_DCAP_DER_H
/* The few types of DER (ITU-T X.690) that Intel's PCK extension is made of. */
#include "proto/base/cursor.h"

enum lk_der_tag {
    LK_DER_BOOLEAN = 0x01,
    LK_DER_INTEGER = 0x02,
    LK_DER_OCTET_STRING = 0x04,
    LK_DER_OID = 0x06,
    LK_DER_ENUMERATED = 0x0a,
    LK_DER_SEQUENCE = 0x30,
};

/* Content octets of the next element, which must have the tag and a length in its shortest form below 65536; else fails c. */
struct lk_bytes lk_der_take(struct lk_cursor *c, enum lk_der_tag tag);

/* The content octets of an INTEGER or ENUMERATED from 0 to 65535 in its shortest form. False for any other. */
bool lk_der_uint16(struct lk_bytes content, uint16_t *out);

#endif
