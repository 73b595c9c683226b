/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets: "PE Format", Microsoft Learn; sections are named beside them. */
#include "broker/cli/authenticode.h"

#include <stdlib.h>

#include "proto/base/cursor.h"

#define PE_POINTER 0x3c    /* MS-DOS Stub: offset of the signature */
#define COFF_SIZE 24       /* signature and COFF File Header */
#define SECTION_SIZE 40    /* Section Table */
#define CHECKSUM 64        /* Optional Header Windows-Specific Fields, same place in PE32 and PE32+ */
#define CERTIFICATE_ENTRY 4 /* Optional Header Data Directories */
#define DIRECTORY_SIZE 8
#define PARTS_MAX (LK_PE_SECTIONS_MAX + 4)

struct pe {
    struct lk_bytes image;
    uint32_t optional, optional_size, directories; /* offset, size; offset of the data directories in the image */
    uint16_t n_sections;
    uint32_t headers; /* SizeOfHeaders */
    uint32_t certificates_size;
    struct lk_bytes parts[PARTS_MAX];
    size_t n_parts;
};

/* Bytes from..to; absent, and the cursor's readers then fail, when they are not all in the image. */
static struct lk_bytes range(const struct pe *pe, uint64_t from, uint64_t to)
{
    if (from > to || to > pe->image.len)
        return LK_BYTES_NONE;
    return lk_bytes(pe->image.data + from, (size_t)(to - from));
}

static lk_result add(struct pe *pe, uint64_t from, uint64_t to)
{
    struct lk_bytes part = range(pe, from, to);
    LK_REQUIRE(part.data != NULL, BOOT_IMAGE);
    pe->parts[pe->n_parts++] = part;
    return LK_OK;
}

static lk_result read_coff(struct pe *pe)
{
    struct lk_cursor dos = lk_cursor(range(pe, PE_POINTER, PE_POINTER + 4));
    uint64_t at = lk_u32le(&dos);
    struct lk_cursor c = lk_cursor(range(pe, at, at + COFF_SIZE));
    bool signature = lk_u32le(&c) == 0x00004550; /* "PE\0\0" */
    lk_take(&c, 2);
    pe->n_sections = lk_u16le(&c);
    lk_take(&c, 12);
    pe->optional_size = lk_u16le(&c);
    LK_REQUIRE(lk_ok(lk_cursor_ok(&dos)) && lk_ok(lk_cursor_ok(&c)) && signature && pe->n_sections <= LK_PE_SECTIONS_MAX, BOOT_IMAGE);
    pe->optional = (uint32_t)at + COFF_SIZE;
    return LK_OK;
}

/* Magic tells where the directories are; a file without a certificate entry cannot be signed and is no EFI application. */
static lk_result read_optional(struct pe *pe)
{
    struct lk_cursor c = lk_cursor(range(pe, pe->optional, (uint64_t)pe->optional + pe->optional_size));
    uint16_t magic = lk_u16le(&c);
    LK_REQUIRE(magic == 0x10b || magic == 0x20b, BOOT_IMAGE);
    uint32_t directories = magic == 0x20b ? 112 : 96;
    lk_take(&c, 58);
    pe->headers = lk_u32le(&c);
    lk_take(&c, directories - 4 - CHECKSUM);
    uint32_t n_directories = lk_u32le(&c);
    lk_take(&c, CERTIFICATE_ENTRY * DIRECTORY_SIZE);
    uint32_t from = lk_u32le(&c);
    pe->certificates_size = lk_u32le(&c);
    LK_REQUIRE(lk_ok(lk_cursor_ok(&c)) && n_directories > CERTIFICATE_ENTRY, BOOT_IMAGE);
    LK_REQUIRE(pe->certificates_size == 0 || (uint64_t)from + pe->certificates_size == pe->image.len, BOOT_IMAGE);
    pe->directories = pe->optional + directories;
    return LK_OK;
}

static lk_result add_headers(struct pe *pe)
{
    uint32_t checksum = pe->optional + CHECKSUM, certificates = pe->directories + CERTIFICATE_ENTRY * DIRECTORY_SIZE;
    LK_TRY(add(pe, 0, checksum));
    LK_TRY(add(pe, checksum + 4, certificates));
    return add(pe, certificates + DIRECTORY_SIZE, pe->headers);
}

static int by_place(const void *a, const void *b)
{
    const uint8_t *x = ((const struct lk_bytes *)a)->data, *y = ((const struct lk_bytes *)b)->data;
    return (x > y) - (x < y);
}

/* In the order of their places in the file, not of the table. What is hashed so far is counted in *hashed. */
static lk_result add_sections(struct pe *pe, uint64_t *hashed)
{
    uint64_t table = (uint64_t)pe->optional + pe->optional_size;
    size_t first = pe->n_parts;
    struct lk_cursor c = lk_cursor(range(pe, table, table + (uint64_t)pe->n_sections * SECTION_SIZE));
    for (uint16_t i = 0; i < pe->n_sections; i++) {
        lk_take(&c, 16);
        uint64_t size = lk_u32le(&c), from = lk_u32le(&c);
        lk_take(&c, 16);
        if (size == 0)
            continue;
        LK_TRY(add(pe, from, from + size));
        *hashed += size;
    }
    LK_REQUIRE(lk_ok(lk_cursor_ok(&c)), BOOT_IMAGE);
    qsort(pe->parts + first, pe->n_parts - first, sizeof(*pe->parts), by_place);
    return LK_OK;
}

/* What follows the sections, the certificate table excepted; its start is counted, not looked up (step 13). */
static lk_result add_rest(struct pe *pe, uint64_t hashed)
{
    uint64_t end = pe->image.len - pe->certificates_size;
    return hashed < end ? add(pe, hashed, end) : LK_OK;
}

lk_result lk_authenticode(struct lk_bytes image, const struct lk_tpm_hash *hash, uint8_t out[static LK_TPM_DIGEST_MAX])
{
    struct pe pe = {.image = image};
    LK_TRY(read_coff(&pe));
    LK_TRY(read_optional(&pe));
    LK_TRY(add_headers(&pe));
    uint64_t hashed = pe.headers;
    LK_TRY(add_sections(&pe, &hashed));
    LK_TRY(add_rest(&pe, hashed));
    return lk_tpm_digest(hash, pe.parts, pe.n_parts, out);
}
