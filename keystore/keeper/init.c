/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `latchkey-keeper --init`: makes a store. Local and offline: no network path makes the first administrator.
 *
 *   working directory   the folder that is to hold the store
 *   descriptor 0        the administrators, one a line: a name, a blank, an SSH public key ("ssh-ed25519 AAAA... comment")
 *   descriptor 3        the link to a latchkey-token that has been initialised
 *   descriptor 1        on success one line: "broker-id HEX"
 *   exit code           0; 65 a line of standard input; 69 the token; 73 there is a store; 78 anything else
 */
#include "keystore/keeper/keeper.h"
#include "proto/base/clock.h"
#include "proto/link/descriptors.h"
#include "proto/seal/sshkey.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INIT_MAP (64u << 20) /* of this process only; the keeper's is the setting max-size */
#define LINE_MAX_BYTES 16384

struct init {
    uint8_t *frame; /* of the token */
    size_t frame_size;
    struct lk_genesis genesis;
    struct lk_buf names[LK_GENESIS_ADMINS_MAX], keys[LK_GENESIS_ADMINS_MAX];
    struct lk_buf installation_key, import_key, raw, entry;
    struct lk_head head;
    struct lk_store_header header;
    struct lk_secret mac_key;
};

static lk_result check_key(struct lk_bytes wire)
{
    struct lk_ssh_key key = {0};
    LK_TRY(lk_ssh_key_parse(wire, &key));
    EVP_PKEY_free(key.key);
    return LK_OK;
}

static lk_result add_admin(struct init *in, const char *line)
{
    size_t i = in->genesis.n_admins, n = strcspn(line, " ");
    LK_REQUIRE(i < LK_GENESIS_ADMINS_MAX && n >= 1 && n <= 64 && line[n] == ' ', CHANGE_MALFORMED);
    in->names[i] = lk_buf(64);
    in->keys[i] = lk_buf(LK_SSH_KEY_MAX);
    lk_put(&in->names[i], lk_bytes(line, n));
    LK_TRY(lk_ssh_public_line(lk_bytes_str(line + n + 1), &in->keys[i]));
    LK_TRY(lk_buf_ok(&in->keys[i]));
    LK_TRY(check_key(lk_buf_bytes(&in->keys[i])));
    in->genesis.admins[i].name = lk_buf_bytes(&in->names[i]);
    in->genesis.admins[i].ssh_key = lk_buf_bytes(&in->keys[i]);
    in->genesis.n_admins++;
    return LK_OK;
}

static lk_result read_admins(struct init *in)
{
    char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        size_t n = strcspn(line, "\r\n");
        LK_REQUIRE(line[n] != '\0' || feof(stdin), CHANGE_MALFORMED);
        line[n] = '\0';
        if (n > 0)
            LK_TRY(add_admin(in, line));
    }
    return in->genesis.n_admins > 0 ? LK_OK : LK_FAIL(CHANGE_LAST_ADMIN);
}

static lk_result token_hello(struct init *in)
{
    struct lk_frame f;
    struct lk_token_info info;
    LK_TRY(lk_frame_recv(LK_FD_CONTROL, LK_LINK_TOKEN_KEEPER, in->frame, in->frame_size, &f));
    LK_REQUIRE(f.type == LK_F_TOKEN_READY, FRAME_FORBIDDEN);
    LK_TRY(lk_token_info_get(f.payload, &info));
    memcpy(in->genesis.installation_id, info.installation_id, 32);
    lk_put(&in->installation_key, info.installation_key);
    lk_put(&in->import_key, info.import_key);
    in->genesis.installation_key = lk_buf_bytes(&in->installation_key);
    in->genesis.import_key = lk_buf_bytes(&in->import_key);
    in->head = info.head;
    LK_REQUIRE(in->head.index == 0 && lk_bytes_zero(LK_BYTES(in->head.hash)), STORE_EXISTS);
    return LK_OK;
}

static lk_result call(struct init *in, uint16_t type, const struct lk_buf *payload, struct lk_bytes *output)
{
    struct lk_frame f;
    lk_result r;
    LK_TRY(lk_buf_ok(payload));
    LK_TRY(lk_frame_send(LK_FD_CONTROL, type, 1, lk_buf_bytes(payload)));
    LK_TRY(lk_frame_recv(LK_FD_CONTROL, LK_LINK_TOKEN_KEEPER, in->frame, in->frame_size, &f));
    LK_REQUIRE(f.type == LK_F_RESULT && f.request == 1, FRAME_FORBIDDEN);
    LK_TRY(lk_call_result_get(f.payload, &r, output));
    return r;
}

static lk_result wrap_mac_key(struct init *in)
{
    LK_BUF_AUTO p = lk_buf(1024);
    struct lk_bytes blob;
    LK_TRY(lk_secret_new(&in->mac_key, LK_STORE_MAC_KEY));
    LK_REQUIRE(RAND_priv_bytes(in->mac_key.data, LK_STORE_MAC_KEY) == 1, CRYPTO);
    lk_call_wrap_put(&p, &(struct lk_call_wrap){LK_KEK_SEALED, lk_secret_bytes(&in->mac_key)});
    lk_result r = call(in, LK_F_CALL_WRAP, &p, &blob);
    OPENSSL_cleanse(p.data, p.len);
    LK_TRY(r);
    LK_REQUIRE(blob.len > 0 && blob.len <= sizeof(in->header.wrapped_key), TOKEN_CONFIG);
    memcpy(in->header.wrapped_key, blob.data, blob.len);
    in->header.wrapped_key_len = blob.len;
    return LK_OK;
}

static lk_result sign_genesis(struct init *in, uint8_t hash[static 32])
{
    LK_BUF_AUTO p = lk_buf(1024);
    struct lk_bytes signature;
    in->genesis.time = lk_clock_wall();
    LK_TRY(lk_genesis_put(&in->raw, &in->genesis));
    LK_TRY(lk_genesis_hash(lk_buf_bytes(&in->raw), hash));
    lk_call_sign_put(&p, &(struct lk_call_sign){LK_SIGN_GENESIS, lk_bytes(hash, 32)});
    LK_TRY(call(in, LK_F_CALL_SIGN, &p, &signature));
    lk_put_sized_u32le(&in->entry, lk_buf_bytes(&in->raw));
    lk_put_sized_u32le(&in->entry, signature);
    return lk_buf_ok(&in->entry);
}

static lk_result write_entry(struct lk_store *s, struct lk_bytes entry)
{
    struct lk_txn *t;
    uint8_t key[8];
    lk_change_key(0, key);
    LK_TRY(lk_store_begin(s, &t));
    lk_result r = lk_txn_insert(t, LK_TABLE_CHANGES, LK_BYTES(key), 1, entry);
    if (lk_ok(r))
        return lk_txn_commit(t);
    lk_txn_abort(t);
    return r;
}

static lk_result write_store(struct init *in)
{
    struct lk_store *s;
    struct lk_store_header back;
    in->header.schema = LK_STORE_SCHEMA;
    memcpy(in->header.installation_id, in->genesis.installation_id, 32);
    LK_TRY(lk_store_create(".", INIT_MAP, &in->header));
    LK_TRY(lk_store_open(".", INIT_MAP, &s, &back));
    lk_result r = lk_store_unlock(s, lk_secret_bytes(&in->mac_key));
    if (lk_ok(r))
        r = write_entry(s, lk_buf_bytes(&in->entry));
    lk_store_close(s);
    return r;
}

static lk_result set_head(struct init *in, const uint8_t hash[static 32])
{
    LK_BUF_AUTO p = lk_buf(256);
    struct lk_head next = {.index = 1}, now; /* one entry: genesis */
    struct lk_bytes output;
    memcpy(next.hash, hash, 32);
    lk_call_head_put(&p, &(struct lk_call_head){true, in->head, next});
    LK_TRY(call(in, LK_F_CALL_HEAD, &p, &output));
    LK_TRY(lk_head_get(output, &now));
    return lk_bytes_eq(LK_BYTES(now.hash), LK_BYTES(next.hash)) ? LK_OK : LK_FAIL(STORE_ROLLED_BACK);
}

static lk_result run(struct init *in)
{
    uint8_t hash[32], broker[32];
    char hex[65];
    LK_REQUIRE(access("data.mdb", F_OK) != 0, STORE_EXISTS);
    LK_TRY(read_admins(in));
    LK_TRY(token_hello(in));
    LK_TRY(wrap_mac_key(in));
    LK_TRY(sign_genesis(in, hash));
    LK_TRY(write_store(in));
    LK_TRY(set_head(in, hash));
    LK_TRY(lk_broker_id(in->genesis.installation_key, broker));
    lk_hex(LK_BYTES(broker), hex, sizeof(hex));
    printf("broker-id %s\n", hex);
    return fflush(stdout) == 0 ? LK_OK : LK_FAIL(IO);
}

static int exit_code(lk_result r)
{
    static const struct {
        enum lk_reason_code code;
        int exit;
    } codes[] = {
        {LK_R_OK, 0},           {LK_R_CHANGE_MALFORMED, 65}, {LK_R_CHANGE_LAST_ADMIN, 65}, {LK_R_STORE_EXISTS, 73},
        {LK_R_TOKEN_AWAY, 69},  {LK_R_FRAME_CLOSED, 69},     {LK_R_FRAME_FORBIDDEN, 69},   {LK_R_TOKEN_CONFIG, 69},
        {LK_R_TOKEN_BLOB, 69},
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].code == r.code)
            return codes[i].exit;
    return 78;
}

int lk_keeper_init(void)
{
    static struct init in;
    lk_log_setup("keeper", LK_LOG_INFO);
    in.installation_key = lk_buf(1024);
    in.import_key = lk_buf(1024);
    in.raw = lk_buf(64u << 10);
    in.entry = lk_buf(70u << 10);
    in.frame_size = lk_frame_max(LK_F_RESULT);
    in.frame = malloc(in.frame_size);
    lk_result r = in.frame == NULL ? LK_FAIL(MEMORY) : lk_secret_setup(1u << 16);
    if (lk_ok(r))
        r = run(&in);
    if (!lk_ok(r))
        fprintf(stderr, "latchkey-keeper --init: %s: %s %s\n", lk_reason(r.code)->name, lk_reason(r.code)->text,
                lk_reason(r.code)->remedy);
    lk_secret_free(&in.mac_key);
    free(in.frame);
    return exit_code(r);
}
