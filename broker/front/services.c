/* SPDX-License-Identifier: Apache-2.0 */
/* The methods of latchkey.v1: none of them looks into a message. */
#include "broker/front/front.h"
#include "proto/grpc/reflection.h"
#include "proto/link/messages.h"

#include <string.h>

#define ENVELOPE 256u /* room that frames.def leaves for what goes before a message */

struct route {
    const char *path;
    uint16_t frame;
    uint32_t max_message;
    uint32_t role; /* that the caller must have; 0: anyone */
    bool admin;
};

static const struct route routes[LK_FRONT_METHODS] = {
    {"/latchkey.v1.KeyRelease/GetChallenge", LK_F_REQ_CHALLENGE, (64u << 10) - ENVELOPE, 0, false},
    {"/latchkey.v1.KeyRelease/Release", LK_F_REQ_RELEASE, LK_BUNDLE_MAX, 0, false},
    {"/latchkey.v1.Attestation/Appraise", LK_F_REQ_APPRAISE, LK_BUNDLE_MAX, LK_ROLE_APPRAISE, false},
    {"/latchkey.v1.Collateral/Put", LK_F_REQ_COLLATERAL, LK_BUNDLE_MAX, LK_ROLE_COLLATERAL, false},
    {"/latchkey.v1.Collateral/Status", LK_F_REQ_COLLATERAL_STATUS, 1024 - ENVELOPE, LK_ROLE_COLLATERAL, false},
    {"/latchkey.v1.Admin/Hello", LK_F_ADMIN_HELLO, 1024 - ENVELOPE, 0, true},
    {"/latchkey.v1.Admin/Change", LK_F_ADMIN_CHANGE, LK_BUNDLE_MAX, 0, true},
    {"/latchkey.v1.Admin/Query", LK_F_ADMIN_QUERY, (64u << 10) - ENVELOPE, 0, true},
};

static const char *const services[] = {"", "latchkey.v1.KeyRelease", "latchkey.v1.Attestation", "latchkey.v1.Admin",
                                       "latchkey.v1.Collateral"};
#define ADMIN_SERVICE 3

/* cmake/LatchkeyEmbed.cmake: latchkey.v1, health and reflection. */
extern const unsigned char lk_front_descriptors[];
extern const size_t lk_front_descriptors_len;

static const struct route *route_of(const struct lk_grpc_call *call)
{
    const char *path = lk_grpc_call_path(call);
    size_t i = 0;
    while (strcmp(routes[i].path, path) != 0) /* only these methods have our handlers */
        i++;
    return &routes[i];
}

static uint32_t roles_of(const struct lk_front *f, const struct lk_grpc_call *call)
{
    const struct lk_grpc_peer *peer = lk_grpc_call_peer(call);
    return peer->has_certificate ? lk_callers_roles(&f->callers, peer->certificate) : 0;
}

/* Before the first byte of a bundle: strangers cannot make us hold one for nothing. */
static void on_begin(void *arg, struct lk_grpc_call *call)
{
    static const struct lk_grpc_refusal not_named = {LK_GRPC_PERMISSION_DENIED, LK_R_CALLER_NOT_NAMED, 0, NULL};
    uint32_t needed = route_of(call)->role;
    if ((roles_of(arg, call) & needed) != needed)
        lk_grpc_call_refuse(call, &not_named);
}

static void on_message(void *arg, struct lk_grpc_call *call, struct lk_bytes message)
{
    struct lk_front *f = arg;
    const struct route *r = route_of(call);
    struct lk_pool_ask ask = {call, message, r->frame, roles_of(f, call)};
    (r->admin ? lk_pool_submit_admin : lk_pool_submit)(f->pool, &ask);
}

static void on_gone(void *arg, struct lk_grpc_call *call)
{
    struct lk_front *f = arg;
    lk_pool_forget(f->pool, call);
}

/* Without workers for large bundles none is taken that would have to wait for one. */
void lk_front_set_sizes(struct lk_front *f)
{
    bool none = f->limits.large_workers == 0;
    for (size_t i = 0; i < LK_FRONT_METHODS; i++) {
        bool limited = none && !routes[i].admin && routes[i].max_message > f->limits.large_bundle;
        f->methods[i].max_message = limited ? f->limits.large_bundle : routes[i].max_message;
        f->methods[i].too_large = limited ? "the request message is too large: this broker has no log-verifiers" : NULL;
    }
}

lk_result lk_front_serve(struct lk_front *f)
{
    for (size_t i = 0; i < LK_FRONT_METHODS; i++) {
        f->methods[i] = (struct lk_grpc_method){.path = routes[i].path,
                                                .kind = LK_GRPC_UNARY,
                                                .max_message = routes[i].max_message,
                                                .on_begin = on_begin,
                                                .on_message = on_message,
                                                .on_gone = on_gone,
                                                .arg = f};
        LK_TRY(lk_grpc_server_add(f->server, &f->methods[i]));
    }
    lk_front_set_sizes(f);
    f->health = lk_grpc_health_new(f->server, services, sizeof(services) / sizeof(services[0]));
    f->reflection = lk_grpc_reflection_new(f->server, lk_bytes(lk_front_descriptors, lk_front_descriptors_len));
    LK_REQUIRE(f->health != NULL && f->reflection != NULL, MEMORY);
    return LK_OK;
}

void lk_front_tell_health(struct lk_front *f)
{
    bool release = f->serving && !f->draining && f->keeper != NULL && lk_pool_workers(f->pool) > 0;
    bool admin = f->admin != NULL && f->keeper != NULL && !f->draining;
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
        lk_grpc_health_set(f->health, services[i], i == ADMIN_SERVICE ? admin : release);
}
