/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the seeds of the fuzz targets in this folder from the software TPM. */
#include "tests/unit/policy/evidence/tpm/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collector.pb-c.h"

static const char *folder;

static void write_seed(const char *target, const char *name, struct lk_bytes bytes)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, target);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/%s/%s", folder, target, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(bytes.data, 1, bytes.len, f) != bytes.len || fclose(f) != 0)
        exit(1);
}

static void write_item(const char *name, const struct fixture *f)
{
    LK_BUF_AUTO all = lk_buf(65536);
    for (size_t i = 0; i < P_COUNT; i++)
        lk_put_sized_u16be(&all, f->parts[i].len > 0 ? lk_buf_bytes(&f->parts[i]) : LK_BYTES_NONE);
    LK_BUF_AUTO root = lk_buf(8192);
    soft_cert_put(&root, &f->root);
    lk_put_sized_u16be(&all, lk_buf_bytes(&root));
    write_seed("item", name, lk_buf_bytes(&all));
}

static void write_pcrs(const char *name, const struct fixture *f, const char *json)
{
    LK_BUF_AUTO all = lk_buf(65536);
    lk_put_sized_u16be(&all, lk_buf_bytes(&f->parts[P_ATTEST]));
    lk_put(&all, json != NULL ? lk_bytes_str(json) : lk_buf_bytes(&f->parts[P_PCRS]));
    write_seed("pcrs", name, lk_buf_bytes(&all));
}

static void write_kind(const char *ak, const char *ek)
{
    struct fixture f;
    char name[64];
    fixture_open(&f, ak, ek);
    f.send_ak_cert = true;
    fixture_build(&f);
    snprintf(name, sizeof(name), "%s-under-%s", ak, ek);
    write_seed("public", name, lk_buf_bytes(&f.parts[P_PUBLIC]));
    snprintf(name, sizeof(name), "ek-%s", ek);
    write_seed("public", name, lk_buf_bytes(&f.parts[P_EK_PUBLIC]));
    write_seed("certificate", name, lk_buf_bytes(&f.parts[P_EK_CERT]));
    write_seed("attest", ak, lk_buf_bytes(&f.parts[P_ATTEST]));
    write_seed("signature", ak, lk_buf_bytes(&f.parts[P_SIGNATURE]));
    write_pcrs("raw", &f, NULL);
    write_pcrs("json", &f, "{\"sha256\":{\"0\":\"0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\"}}");
    f.parts[P_AK_CERT].len = 0;
    write_item(ak, &f);
    fixture_close(&f);
}

static void write_request(const char *name, const Latchkey__V1__CollectorRequest *r)
{
    uint8_t bytes[1024];
    write_seed("collector_message", name, lk_bytes(bytes, protobuf_c_message_pack(&r->base, bytes)));
}

static void write_requests(void)
{
    uint8_t binding[64] = {7};
    uint32_t pcrs[] = {0, 7};
    Latchkey__V1__CollectorRequest r = LATCHKEY__V1__COLLECTOR_REQUEST__INIT;
    Latchkey__V1__CollectorDescribe d = LATCHKEY__V1__COLLECTOR_DESCRIBE__INIT;
    Latchkey__V1__CollectorActivate a = LATCHKEY__V1__COLLECTOR_ACTIVATE__INIT;
    Latchkey__V1__CollectorCollect c = LATCHKEY__V1__COLLECTOR_COLLECT__INIT;
    Latchkey__V1__EvidenceItemRequest item = LATCHKEY__V1__EVIDENCE_ITEM_REQUEST__INIT;
    Latchkey__V1__PcrSelection bank = LATCHKEY__V1__PCR_SELECTION__INIT, *banks[] = {&bank};
    r.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_DESCRIBE;
    r.describe = &d;
    write_request("describe", &r);
    r.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_ACTIVATE;
    a.credential_blob = a.encrypted_secret = (ProtobufCBinaryData){.len = 64, .data = binding};
    r.activate = &a;
    write_request("activate", &r);
    bank.bank = (char *)(uintptr_t)"sha256";
    bank.indexes = pcrs;
    bank.n_indexes = 2;
    item.family = (char *)(uintptr_t)"tpm";
    item.pcrs = banks;
    item.n_pcrs = 1;
    c.binding = a.credential_blob;
    c.request = &item;
    r.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_COLLECT;
    r.collect = &c;
    write_request("collect", &r);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 64;
    folder = argv[1];
    write_kind("P-256", "RSA2048");
    write_kind("RSA2048", "P-256");
    write_kind("P-384", "P-384");
    write_requests();
    return 0;
}
