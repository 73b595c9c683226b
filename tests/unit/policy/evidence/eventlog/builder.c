/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy/evidence/eventlog/builder.h"

#include <stdlib.h>
#include <string.h>

static void put_head(struct log_builder *b)
{
    LK_BUF_AUTO spec = lk_buf(256);
    lk_put(&spec, lk_bytes("Spec ID Event03", 16));
    lk_put_u32le(&spec, 0);
    lk_put(&spec, lk_bytes("\0\2\0\2", 4));
    lk_put_u32le(&spec, (uint32_t)b->n_banks);
    for (size_t i = 0; i < b->n_banks; i++) {
        lk_put_u16le(&spec, b->banks[i]->alg);
        lk_put_u16le(&spec, b->banks[i]->size);
    }
    lk_put_u8(&spec, 0);
    static const uint8_t zeros[20];
    lk_put_u32le(&b->buf, 0);
    lk_put_u32le(&b->buf, LK_TCG_NO_ACTION);
    lk_put(&b->buf, LK_BYTES(zeros));
    lk_put_sized_u32le(&b->buf, lk_buf_bytes(&spec));
}

void builder_open(struct log_builder *b, bool agile)
{
    *b = (struct log_builder){.buf = lk_buf(1 << 20), .agile = agile, .n_banks = agile ? 2 : 1};
    b->banks[0] = lk_tpm_hash(LK_TPM_SHA1);
    b->banks[1] = lk_tpm_hash(LK_TPM_SHA256);
    if (agile)
        put_head(b);
}

void builder_open_ccel(struct log_builder *b)
{
    *b = (struct log_builder){.buf = lk_buf(1 << 20), .agile = true, .ccel = true, .n_banks = 1};
    b->banks[0] = lk_tpm_hash(LK_TPM_SHA384);
    put_head(b);
}

/* UEFI 2.10, section 38.4.1: PCR to register index of TDX. */
static uint32_t index_of(const struct log_builder *b, uint32_t pcr)
{
    static const uint8_t mr[] = {0, 1, 2, 2, 2, 2, 2, 1, 3, 3, 3, 3, 3, 3, 3, 3, 4};
    return b->ccel && pcr < sizeof(mr) ? mr[pcr] : pcr;
}

void builder_close(struct log_builder *b)
{
    lk_buf_free(&b->buf);
}

void builder_put(struct log_builder *b, uint32_t pcr, uint32_t type, struct lk_bytes hashed, struct lk_bytes data)
{
    uint8_t digest[LK_TPM_DIGEST_MAX];
    lk_put_u32le(&b->buf, index_of(b, pcr));
    lk_put_u32le(&b->buf, type);
    if (b->agile)
        lk_put_u32le(&b->buf, (uint32_t)b->n_banks);
    for (size_t i = 0; i < b->n_banks; i++) {
        if (!lk_ok(lk_tpm_digest(b->banks[i], &hashed, 1, digest)))
            abort();
        if (b->agile)
            lk_put_u16le(&b->buf, b->banks[i]->alg);
        lk_put(&b->buf, lk_bytes(digest, b->banks[i]->size));
    }
    lk_put_sized_u32le(&b->buf, data);
}

void builder_text(struct log_builder *b, uint32_t pcr, uint32_t type, const char *text)
{
    builder_put(b, pcr, type, lk_bytes_str(text), lk_bytes_str(text));
}

void builder_separator(struct log_builder *b, uint32_t pcr, uint32_t value)
{
    uint8_t data[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    builder_put(b, pcr, LK_TCG_SEPARATOR, LK_BYTES(data), LK_BYTES(data));
}

static const uint8_t global[16] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
static const uint8_t security[16] = {0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f};

void builder_variable(struct log_builder *b, uint32_t type, const char *name, struct lk_bytes contents)
{
    LK_BUF_AUTO v = lk_buf(4096);
    lk_put(&v, strncmp(name, "db", 2) == 0 ? LK_BYTES(security) : LK_BYTES(global));
    lk_put_u64le(&v, strlen(name));
    lk_put_u64le(&v, contents.len);
    for (const char *c = name; *c != '\0'; c++)
        lk_put_u16le(&v, (uint8_t)*c);
    lk_put(&v, contents);
    builder_put(b, 7, type, lk_buf_bytes(&v), lk_buf_bytes(&v));
}

void builder_grub(struct log_builder *b, const char *mark, const char *text)
{
    LK_BUF_AUTO d = lk_buf(4096);
    lk_put_fmt(&d, "%s%s", mark, text);
    lk_put_u8(&d, 0);
    builder_put(b, 8, LK_TCG_IPL, lk_bytes_str(text), lk_buf_bytes(&d));
}

static void put_secure_boot(struct log_builder *b, unsigned without)
{
    const uint32_t config = (uint32_t)LK_TCG_VARIABLE_DRIVER_CONFIG;
    bool on = (without & WITHOUT_SECURE_BOOT) == 0;
    builder_variable(b, config, "SecureBoot", lk_bytes(on ? "\1" : "\0", 1));
    builder_variable(b, config, "PK", lk_bytes("platform key", (without & WITHOUT_PK) ? 0 : 12));
    builder_variable(b, config, "KEK", lk_bytes_str("key exchange keys"));
    builder_variable(b, config, "db", lk_bytes_str("allowed"));
    builder_variable(b, config, "dbx", lk_bytes_str("forbidden"));
    if ((without & WITHOUT_SEPARATOR_7) == 0)
        builder_separator(b, 7, 0);
    if (on && (without & WITHOUT_AUTHORITY) == 0)
        builder_variable(b, (uint32_t)LK_TCG_VARIABLE_AUTHORITY, "db", lk_bytes_str("the vendor's certificate"));
}

void builder_good(struct log_builder *b, unsigned without)
{
    builder_put(b, 0, LK_TCG_CRTM_VERSION, lk_bytes("1\0.\0" "2\0\0", 8), lk_bytes("1\0.\0" "2\0\0", 8));
    put_secure_boot(b, without);
    builder_text(b, 4, (uint32_t)LK_TCG_EFI_ACTION, "Calling EFI Application from Boot Option");
    for (uint32_t pcr = 0; pcr < 7; pcr++)
        builder_separator(b, pcr, 0);
    builder_put(b, 4, (uint32_t)LK_TCG_BOOT_APPLICATION, lk_bytes_str("shim"), lk_bytes_str("path of shim"));
    builder_put(b, 4, (uint32_t)LK_TCG_BOOT_APPLICATION, lk_bytes_str("grub"), lk_bytes_str("path of grub"));
    builder_grub(b, "grub_cmd: ", "set root=hd0");
    builder_grub(b, "grub_cmd: ", "linux /vmlinuz root=/dev/vda1 quiet");
    builder_put(b, 9, LK_TCG_IPL, lk_bytes_str("kernel file"), lk_bytes_str("/vmlinuz"));
    builder_put(b, 4, (uint32_t)LK_TCG_BOOT_APPLICATION, lk_bytes_str("kernel"), lk_bytes_str("path of kernel"));
    builder_grub(b, "kernel_cmdline: ", "/vmlinuz root=/dev/vda1 quiet");
    builder_put(b, 9, LK_TCG_EVENT_TAG, lk_bytes_str("initrd"), lk_bytes_str("Linux initrd"));
    if ((without & WITHOUT_EXIT) == 0)
        builder_text(b, 5, (uint32_t)LK_TCG_EFI_ACTION, "Exit Boot Services Returned with Success");
}

void builder_good_ccel(struct log_builder *b, unsigned without)
{
    builder_put(b, 1, 0x8000000b, lk_bytes_str("the hypervisor's table"), lk_bytes_str("TdxTable"));
    put_secure_boot(b, without);
    builder_text(b, 4, (uint32_t)LK_TCG_EFI_ACTION, "Calling EFI Application from Boot Option");
    builder_separator(b, 4, 0);
    builder_text(b, 5, (uint32_t)LK_TCG_GPT_EVENT, "EFI PART and the partitions");
    builder_put(b, 4, (uint32_t)LK_TCG_BOOT_APPLICATION, lk_bytes_str("shim"), lk_bytes_str("path of shim"));
    builder_put(b, 14, LK_TCG_IPL, lk_bytes_str("owner's keys"), lk_bytes_str("MokList"));
    builder_put(b, 4, (uint32_t)LK_TCG_BOOT_APPLICATION, lk_bytes_str("grub"), lk_bytes_str("path of grub"));
    builder_grub(b, "grub_cmd: ", "set root=hd0");
    builder_grub(b, "grub_cmd: ", "linux /vmlinuz root=/dev/vda1 quiet");
    builder_put(b, 9, LK_TCG_IPL, lk_bytes_str("kernel file"), lk_bytes_str("/vmlinuz"));
    builder_grub(b, "kernel_cmdline: ", "/vmlinuz root=/dev/vda1 quiet");
    if ((without & WITHOUT_EXIT) == 0)
        builder_text(b, 5, (uint32_t)LK_TCG_EFI_ACTION, "Exit Boot Services Returned with Success");
}
