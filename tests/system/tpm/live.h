/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TPM_LIVE_H
#define TPM_LIVE_H
/* A software TPM, the collector as a process on it, and the family's judgement. Failures end the test program. */
#include "collector.pb-c.h"
#include "policy/evidence/tpm/tpm.h"
#include "proto/base/buffer.h"

#include <sys/types.h>

enum { P_ATTEST, P_SIGNATURE, P_PUBLIC, P_PCRS, P_EK_CERT, P_EK_PUBLIC, P_AK_CERT, P_CHAIN, P_COUNT };

struct live {
    const char *scripts, *collector; /* folder of swtpm-up; the program */
    char dir[64];                    /* the TPM's folder, removed at the end */
    struct lk_trust *trust;          /* its CA as anchor */
    struct lk_arena *arena;
};

void live_start(struct live *l, const char *scripts, const char *collector);
void live_stop(struct live *l);

/* Runs a shell command in the TPM's folder with TPM2TOOLS_TCTI set; it must succeed. */
void live_tool(const struct live *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A file of the TPM's folder, in the arena. */
struct lk_bytes live_file(const struct live *l, const char *name);

struct session {
    pid_t pid;
    int to, from;
    struct live *live;
};

/* The collector with these options (at most 8, NULL-terminated) and --tcti, --ek-chain. */
void session_open(struct session *s, struct live *l, const char *const *options);
/* Ends its input and expects exit status 0. */
void session_close(struct session *s);
/* One exchange; the response lives in the live arena. */
const Latchkey__V1__CollectorResponse *session_ask(struct session *s, const Latchkey__V1__CollectorRequest *request);
const Latchkey__V1__CollectorIdentity *session_identify(struct session *s);
const Latchkey__V1__CollectorResponse *session_activate(struct session *s, struct lk_bytes blob,
                                                        struct lk_bytes encrypted);

struct evidence {
    struct lk_bytes parts[P_COUNT];
};

/* Collects these PCRs of one bank or two (NULL: none), with a binding of 64 bytes of this value. */
const Latchkey__V1__CollectorResponse *session_collect(struct session *s, uint8_t binding, const char *bank_a,
                                                       const char *bank_b, const uint32_t *pcrs, size_t n);
struct evidence evidence_of(const Latchkey__V1__CollectorResponse *response);

struct judgement {
    enum lk_reason_code code;
    struct lk_anchoring how;
    struct lk_report report;
    struct lk_value values[LK_FAMILY_CLAIMS_MAX];
};

/* parse, authenticate with this activation, claim. */
struct judgement live_judge(struct live *l, const struct evidence *e, enum lk_activation activation,
                            struct lk_bytes context);
const struct lk_value *judgement_claim(const struct judgement *j, const char *name);

#endif
