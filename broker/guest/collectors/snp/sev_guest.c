/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/sev-guest: SNP_GET_EXT_REPORT, and SNP_GET_REPORT on hosts that give no certificates. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "broker/guest/collectors/snp/source.h"
#include "proto/base/cursor.h"

/* include/uapi/linux/sev-guest.h, which old headers lack. */
struct report_req {
    uint8_t user_data[64];
    uint32_t vmpl;
    uint8_t reserved[28];
};
struct ext_report_req {
    struct report_req data;
    uint64_t certs_address;
    uint32_t certs_len;
};
struct guest_request {
    uint8_t msg_version;
    uint64_t req_data, resp_data;
    uint64_t exitinfo2; /* high half: VMM error, low half: firmware error */
};
#define GET_REPORT _IOWR('S', 0x0, struct guest_request)
#define GET_EXT_REPORT _IOWR('S', 0x2, struct guest_request)
#define VMM_INVALID_LEN 1 /* the certificates need more room: certs_len tells how much */
#define VMM_BUSY 2
#define RESPONSE_LEN 4000
#define BUSY_TRIES 40

static uint32_t vmm_error(const struct guest_request *g)
{
    return (uint32_t)(g->exitinfo2 >> 32);
}

/* MSG_REPORT_RSP (SEV-SNP ABI, table 25): u32 status, u32 size, 24 reserved, the report. */
static enum lk_device_status take_report(const uint8_t *response, struct lk_buf *out, struct lk_device_error *e)
{
    struct lk_cursor c = lk_cursor(lk_bytes(response, RESPONSE_LEN));
    uint32_t status = lk_u32le(&c), size = lk_u32le(&c);
    (void)lk_take(&c, 24);
    errno = 0;
    if (status != 0 || size != LK_SNP_REPORT_LEN)
        return lk_device_error_set(e, LK_DEVICE_FAILED, "the firmware answered status %u, size %u", status, size);
    lk_put(out, lk_take(&c, LK_SNP_REPORT_LEN));
    return lk_ok(lk_buf_ok(out)) ? LK_DEVICE_OK : lk_device_error_set(e, LK_DEVICE_FAILED, "no memory");
}

/* One request; waits while the host throttles. Zero, or errno. */
static int ask(int fd, unsigned long call, void *request, uint8_t *response, struct guest_request *g)
{
    for (int i = 0; i < BUSY_TRIES; i++) {
        *g = (struct guest_request){.msg_version = 1, .req_data = (uint64_t)(uintptr_t)request,
                                    .resp_data = (uint64_t)(uintptr_t)response};
        if (ioctl(fd, call, g) == 0)
            return 0;
        if (vmm_error(g) != VMM_BUSY && errno != EBUSY && errno != EAGAIN && errno != EINTR)
            return errno;
        const struct timespec pause = {.tv_nsec = 50000000};
        nanosleep(&pause, NULL);
    }
    return EBUSY;
}

static int ask_extended(int fd, const struct report_req *r, uint8_t *response, struct lk_buf *certs)
{
    struct ext_report_req request = {.data = *r};
    struct guest_request g;
    int error = ask(fd, GET_EXT_REPORT, &request, response, &g); /* without room: tells the length */
    if (error == 0 || vmm_error(&g) != VMM_INVALID_LEN)
        return error;
    if (request.certs_len == 0 || request.certs_len > LK_SNP_CERTS_MAX)
        return EMSGSIZE;
    uint8_t *room = lk_put_room(certs, request.certs_len);
    if (room == NULL)
        return ENOMEM;
    memset(room, 0, request.certs_len);
    request.certs_address = (uint64_t)(uintptr_t)room;
    return ask(fd, GET_EXT_REPORT, &request, response, &g);
}

enum lk_device_status lk_snp_from_device(const char *device, const struct lk_snp_request *r, struct lk_snp_evidence *out,
                                      struct lk_device_error *e)
{
    out->report = lk_buf(LK_SNP_REPORT_LEN);
    out->certs = lk_buf(LK_SNP_CERTS_MAX);
    int fd = open(device, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return lk_device_error_set(e, LK_DEVICE_NONE, "opening %s", device);
    struct report_req request = {.vmpl = r->n_vmpl > 0 ? r->vmpl[0] : 0};
    memcpy(request.user_data, r->user_data, sizeof(request.user_data));
    uint8_t response[RESPONSE_LEN] = {0};
    struct guest_request g;
    int error = ask_extended(fd, &request, response, &out->certs);
    if (error != 0 && error != EBUSY) { /* a host without certificates */
        out->certs.len = 0;
        error = ask(fd, GET_REPORT, &request, response, &g);
    }
    close(fd);
    errno = error;
    if (error != 0)
        return lk_device_error_set(e, error == EBUSY ? LK_DEVICE_BUSY : LK_DEVICE_FAILED, "asking %s for a report", device);
    return take_report(response, &out->report, e);
}
