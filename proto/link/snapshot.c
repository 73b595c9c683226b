/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/link/snapshot.h"
#include "proto/base/buffer.h"
#include "proto/base/cursor.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'L', 'K', 'S', 'N', 'A', 'P', '0', '1'};
#define HEAD_LEN 108u
#define ROW_LEN 28u
#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static uint64_t padded(uint64_t n)
{
    return (n + 7) & ~UINT64_C(7);
}

static void put_padding(struct lk_buf *b)
{
    static const uint8_t zeros[8];
    lk_put(b, lk_bytes(zeros, padded(b->len) - b->len));
}

static void put_row(struct lk_buf *b, const struct lk_snapshot_entry *e, uint64_t offset)
{
    lk_put_u16le(b, (uint16_t)e->kind);
    lk_put_u16le(b, (uint16_t)e->name.len);
    lk_put_u64le(b, e->revision);
    lk_put_u64le(b, offset);
    lk_put_u64le(b, e->body.len);
    lk_put(b, e->name);
    static const uint8_t zeros[8];
    lk_put(b, lk_bytes(zeros, padded(e->name.len) - e->name.len));
}

/* Sizes first: where the bodies begin, and where all ends. */
static lk_result measure(const struct lk_snapshot_entry *entries, size_t n, uint64_t *bodies, uint64_t *total)
{
    LK_REQUIRE(n <= LK_SNAPSHOT_ENTRIES_MAX, TOO_LARGE);
    uint64_t table = HEAD_LEN, end;
    for (size_t i = 0; i < n; i++) {
        LK_REQUIRE(entries[i].name.len <= LK_SNAPSHOT_NAME_MAX, TOO_LARGE);
        table += ROW_LEN + padded(entries[i].name.len);
    }
    *bodies = end = padded(table);
    for (size_t i = 0; i < n; i++) {
        LK_REQUIRE(entries[i].body.len <= LK_SNAPSHOT_MAX, TOO_LARGE);
        end = padded(end) + entries[i].body.len;
        LK_REQUIRE(end <= LK_SNAPSHOT_MAX, TOO_LARGE);
    }
    *total = end;
    return LK_OK;
}

static lk_result put_table(struct lk_buf *b, const struct lk_snapshot_head *head,
                           const struct lk_snapshot_entry *entries, size_t n, uint64_t bodies, uint64_t total)
{
    lk_put(b, LK_BYTES(magic));
    lk_put_u64le(b, total);
    lk_put_u64le(b, head->generation);
    lk_put(b, LK_BYTES(head->start_id));
    lk_put(b, LK_BYTES(head->admission_key));
    lk_put(b, LK_BYTES(head->broker_id));
    lk_put_u32le(b, (uint32_t)n);
    uint64_t offset = bodies;
    for (size_t i = 0; i < n; i++) {
        offset = padded(offset);
        put_row(b, &entries[i], offset);
        offset += entries[i].body.len;
    }
    put_padding(b);
    return lk_buf_ok(b);
}

static void fill(uint8_t *map, struct lk_bytes table, const struct lk_snapshot_entry *entries, size_t n, uint64_t bodies)
{
    memcpy(map, table.data, table.len);
    uint64_t offset = bodies;
    for (size_t i = 0; i < n; i++) {
        offset = padded(offset);
        if (entries[i].body.len > 0)
            memcpy(map + offset, entries[i].body.data, entries[i].body.len);
        offset += entries[i].body.len;
    }
}

static lk_result write_mapped(int fd, struct lk_bytes table, const struct lk_snapshot_entry *entries, size_t n,
                              uint64_t bodies, uint64_t total, uint8_t digest[static 32])
{
    LK_REQUIRE(ftruncate(fd, (off_t)total) == 0, IO);
    uint8_t *map = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    LK_REQUIRE(map != MAP_FAILED, MEMORY);
    fill(map, table, entries, n, bodies);
    int hashed = EVP_Digest(map, total, digest, NULL, EVP_sha256(), NULL);
    munmap(map, total); /* a seal against writing demands that nothing is mapped for it */
    LK_REQUIRE(hashed == 1, CRYPTO);
    LK_REQUIRE(fcntl(fd, F_ADD_SEALS, SEALS) == 0, IO);
    return LK_OK;
}

lk_result lk_snapshot_write(const struct lk_snapshot_head *head, const struct lk_snapshot_entry *entries, size_t n,
                            int *fd, uint64_t *length, uint8_t digest[static 32])
{
    *fd = -1;
    uint64_t bodies, total;
    LK_TRY(measure(entries, n, &bodies, &total));
    LK_BUF_AUTO table = lk_buf(bodies);
    LK_TRY(put_table(&table, head, entries, n, bodies, total));
    int made = memfd_create("latchkey-snapshot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    LK_REQUIRE(made != -1, IO);
    lk_result r = write_mapped(made, lk_buf_bytes(&table), entries, n, bodies, total, digest);
    lk_buf_wipe(&table); /* it held the admission key */
    if (!lk_ok(r)) {
        close(made);
        return r;
    }
    *fd = made;
    *length = total;
    return LK_OK;
}

lk_result lk_snapshot_map(int fd, struct lk_snapshot *s)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    LK_REQUIRE(seals != -1 && (seals & SEALS) == SEALS && fstat(fd, &st) == 0, SNAPSHOT_INVALID);
    LK_REQUIRE(st.st_size >= (off_t)HEAD_LEN && (uint64_t)st.st_size <= LK_SNAPSHOT_MAX, SNAPSHOT_INVALID);
    size_t len = (size_t)st.st_size;
    const uint8_t *map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    LK_REQUIRE(map != MAP_FAILED, MEMORY);
    return lk_snapshot_parse(lk_bytes(map, len), s);
}

lk_result lk_snapshot_next(const struct lk_snapshot *s, size_t *at, struct lk_snapshot_entry *out)
{
    LK_REQUIRE(*at <= s->map.len, SNAPSHOT_INVALID);
    struct lk_cursor c = lk_cursor(lk_bytes(s->map.data + *at, s->map.len - *at));
    uint16_t kind = lk_u16le(&c), name_len = lk_u16le(&c);
    out->revision = lk_u64le(&c);
    uint64_t offset = lk_u64le(&c), len = lk_u64le(&c);
    out->name = lk_take(&c, name_len);
    struct lk_bytes padding = lk_take(&c, padded(name_len) - name_len);
    LK_REQUIRE(lk_ok(lk_cursor_ok(&c)) && lk_bytes_zero(padding), SNAPSHOT_INVALID);
    LK_REQUIRE(kind >= LK_SNAP_POLICY && kind <= LK_SNAP_SET && name_len <= LK_SNAPSHOT_NAME_MAX, SNAPSHOT_INVALID);
    LK_REQUIRE(offset <= s->map.len && len <= s->map.len - offset, SNAPSHOT_INVALID);
    out->kind = (enum lk_snapshot_kind)kind;
    out->body = lk_bytes(s->map.data + offset, len);
    *at += c.pos;
    return LK_OK;
}

/* What lies between two bodies is at most seven zeros. */
static bool follows(const struct lk_snapshot *s, uint64_t end, uint64_t offset)
{
    return offset == padded(end) && lk_bytes_zero(lk_bytes(s->map.data + end, offset - end));
}

static lk_result check_entries(const struct lk_snapshot *s)
{
    struct lk_snapshot_entry e;
    size_t at = s->table;
    for (uint32_t i = 0; i < s->n; i++)
        LK_TRY(lk_snapshot_next(s, &at, &e));
    LK_REQUIRE(padded(at) <= s->map.len, SNAPSHOT_INVALID);
    LK_REQUIRE(follows(s, at, padded(at)), SNAPSHOT_INVALID);
    uint64_t end = padded(at);
    at = s->table;
    for (uint32_t i = 0; i < s->n; i++) {
        LK_TRY(lk_snapshot_next(s, &at, &e));
        uint64_t offset = (uint64_t)(e.body.data - s->map.data);
        LK_REQUIRE(offset >= end && follows(s, end, offset), SNAPSHOT_INVALID);
        end = offset + e.body.len;
    }
    return end == s->map.len ? LK_OK : LK_FAIL(SNAPSHOT_INVALID);
}

lk_result lk_snapshot_parse(struct lk_bytes map, struct lk_snapshot *s)
{
    struct lk_cursor c = lk_cursor(map);
    struct lk_bytes m = lk_take(&c, sizeof(magic));
    uint64_t total = lk_u64le(&c);
    s->head.generation = lk_u64le(&c);
    lk_copy(&c, s->head.start_id, sizeof(s->head.start_id));
    lk_copy(&c, s->head.admission_key, sizeof(s->head.admission_key));
    lk_copy(&c, s->head.broker_id, sizeof(s->head.broker_id));
    s->n = lk_u32le(&c);
    s->map = map;
    s->table = c.pos;
    LK_REQUIRE(lk_ok(lk_cursor_ok(&c)) && lk_bytes_eq(m, LK_BYTES(magic)) && total == map.len, SNAPSHOT_INVALID);
    LK_REQUIRE(s->n <= LK_SNAPSHOT_ENTRIES_MAX, SNAPSHOT_INVALID);
    return check_entries(s);
}

lk_result lk_snapshot_entry_at(const struct lk_snapshot *s, uint32_t i, struct lk_snapshot_entry *out)
{
    LK_REQUIRE(i < s->n, SNAPSHOT_INVALID);
    size_t at = s->table;
    LK_TRY(lk_snapshot_next(s, &at, out));
    for (uint32_t at_i = 0; at_i < i; at_i++)
        LK_TRY(lk_snapshot_next(s, &at, out));
    return LK_OK;
}
