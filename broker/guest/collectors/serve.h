/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GUEST_COLLECTORS_SERVE_H
#define LK_GUEST_COLLECTORS_SERVE_H
/*
 * The collector's side of docs/collector-protocol.md: messages in, calls of one kind of hardware, messages out.
 */
#include "broker/guest/collectors/device.h"
#include "proto/base/buffer.h"
#include "proto/base/secret.h"

#include "collector.pb-c.h"

/* The codes of the protocol document. */
enum lk_collector_code {
    LK_COLLECTOR_UNSUPPORTED,
    LK_COLLECTOR_BAD_REQUEST,
    LK_COLLECTOR_NO_DEVICE,
    LK_COLLECTOR_DEVICE,
    LK_COLLECTOR_DEVICE_BUSY,
    LK_COLLECTOR_NO_CERTIFICATE,
    LK_COLLECTOR_NO_BANK,
    LK_COLLECTOR_CREDENTIAL,
    LK_COLLECTOR_INTERNAL,
    LK_COLLECTOR_CODES
};

struct lk_collector_failure {
    enum lk_collector_code code;
    char text[256];
};

/* Fills in f and returns false, so that a call can `return lk_collector_fail(...)`. */
bool lk_collector_fail(struct lk_collector_failure *f, enum lk_collector_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a device that failed. */
bool lk_collector_fail_device(struct lk_collector_failure *f, enum lk_device_status status, const struct lk_device_error *e);

#define LK_COLLECTOR_FAMILIES_MAX 8
#define LK_COLLECTOR_PARTS_MAX 16
#define LK_COLLECTOR_PART_MAX (3U << 20) /* bytes; all of an item must fit a frame */

struct lk_collector_item {
    struct {
        const char *name;
        struct lk_buf data;
    } parts[LK_COLLECTOR_PARTS_MAX];
    size_t n;
};

/* Copies a part into the item; an empty one is left out. Running out of room shows when the answer is packed. */
void lk_collector_put_part(struct lk_collector_item *item, const char *name, struct lk_bytes data);

/*
 * One kind of hardware. Calls return false with the failure filled in. identify and activate may be NULL. collect is
 * called for the families of the list only: request->family says which.
 */
struct lk_collector_ops {
    const char *program;
    const char *const *families; /* NULL-terminated, at most LK_COLLECTOR_FAMILIES_MAX */
    bool (*identify)(void *self, struct lk_buf *ek_public, struct lk_buf *ak_public, struct lk_collector_failure *f);
    bool (*activate)(void *self, struct lk_bytes credential_blob, struct lk_bytes encrypted_secret,
                     struct lk_secret *s, struct lk_collector_failure *f);
    /* Optional: the families of the bundle that the next item is for, before each collect. */
    void (*bundle)(void *self, char *const *families, size_t n);
    bool (*collect)(void *self, struct lk_bytes binding, const Latchkey__V1__EvidenceItemRequest *request,
                    struct lk_collector_item *item, struct lk_collector_failure *f);
};

/*
 * Answers requests from descriptor in to descriptor out until the input ends: OK. Anything else means that
 * the caller broke the protocol or is gone.
 */
LK_MUST_USE lk_result lk_collector_serve(const struct lk_collector_ops *ops, void *self, int in, int out);

/* Answers one request message; response is emptied first. For lk_collector_serve and tests. */
LK_MUST_USE lk_result lk_collector_answer(const struct lk_collector_ops *ops, void *self, struct lk_bytes request,
                                          struct lk_buf *response);

#endif
