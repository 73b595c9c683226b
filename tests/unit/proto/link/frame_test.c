/* SPDX-License-Identifier: Apache-2.0 */
/* proto/link: frames in both forms, permit tables, descriptors that travel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/link/frame.h"
#include "proto/link/permits.h"

struct pair {
    int a, b;
};

static struct pair make_pair(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}

static void close_pair(struct pair p)
{
    close(p.a);
    close(p.b);
}

static void put_header(int fd, uint32_t len, uint16_t type, uint16_t reserved)
{
    uint8_t h[16] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), (uint8_t)(len >> 24),
                     (uint8_t)type, (uint8_t)(type >> 8), (uint8_t)reserved, 0, 7};
    assert_int_equal(write(fd, h, sizeof(h)), sizeof(h));
}

static void blocking_round_trip(void **state)
{
    (void)state;
    struct pair p = make_pair();
    uint8_t buf[64];
    struct lk_frame f;
    assert_int_equal(lk_frame_send(p.a, LK_F_TAKEN, 42, lk_bytes("abcd", 4)).code, LK_R_OK);
    assert_int_equal(lk_frame_recv(p.b, LK_LINK_KEEPER_FRONT, buf, sizeof(buf), &f).code, LK_R_OK);
    assert_int_equal(f.type, LK_F_TAKEN);
    assert_int_equal(f.request, 42);
    assert_int_equal(f.fd, -1);
    assert_true(lk_bytes_eq(f.payload, lk_bytes("abcd", 4)));
    close(p.a);
    assert_int_equal(lk_frame_recv(p.b, LK_LINK_KEEPER_FRONT, buf, sizeof(buf), &f).code, LK_R_FRAME_CLOSED);
    close(p.b);
}

static void what_is_not_permitted_is_forbidden(void **state)
{
    (void)state;
    static const struct {
        uint32_t len;
        uint16_t type, reserved;
        enum lk_link link;
    } cases[] = {
        {0, LK_F_VERDICT, 0, LK_LINK_FRONT_ADMIN},            /* a front that judges */
        {0, LK_F_VERDICT, 0, LK_LINK_KEEPER_FRONT},
        {0, LK_F_CALL_UNWRAP, 0, LK_LINK_WORKER_KEEPER},      /* a verifier that wants a secret */
        {0, LK_F_ANSWER, 0, LK_LINK_FRONT_ADMIN},
        {0, 9999, 0, LK_LINK_WORKER_KEEPER},                  /* no such type */
        {17, LK_F_TAKEN, 0, LK_LINK_KEEPER_FRONT},            /* longer than its largest payload */
        {0xffffffff, LK_F_ANSWER, 0, LK_LINK_KEEPER_FRONT},
        {4, LK_F_TAKEN, 1, LK_LINK_KEEPER_FRONT},             /* the reserved field is set */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pair p = make_pair();
        uint8_t buf[64];
        struct lk_frame f;
        put_header(p.a, cases[i].len, cases[i].type, cases[i].reserved);
        assert_int_equal(lk_frame_recv(p.b, cases[i].link, buf, sizeof(buf), &f).code, LK_R_FRAME_FORBIDDEN);
        close_pair(p);
    }
}

static void every_link_takes_only_its_own(void **state)
{
    (void)state;
    /* Which direction may say each type; a type that no link takes, or that two unrelated ones do, is a mistake. */
    assert_true(lk_link_permits(LK_LINK_FRONT_WORKER, LK_F_REQ_RELEASE, LK_BUNDLE_MAX));
    assert_true(lk_link_permits(LK_LINK_ADMIN_FRONT, LK_F_ANSWER, 10));
    assert_false(lk_link_permits(LK_LINK_FRONT_WORKER, LK_F_REQ_RELEASE, LK_BUNDLE_MAX + 257));
    assert_false(lk_link_permits(LK_LINK_COUNT, LK_F_ANSWER, 0));
    static const uint16_t types[] = {
#define LK_FRAME(id, number, max) (number),
#include "proto/link/frames.def"
#undef LK_FRAME
    };
    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        int takers = 0;
        for (int l = 0; l < LK_LINK_COUNT; l++)
            takers += lk_link_permits((enum lk_link)l, types[t], 0);
        assert_in_range(takers, 1, 2);
        if (types[t] == LK_F_VERDICT || types[t] == LK_F_CHALLENGE || types[t] == LK_F_WORKER_READY)
            assert_int_equal(takers, 1);
    }
}

static void descriptors_travel_only_where_they_may(void **state)
{
    (void)state;
    struct pair p = make_pair(), passed = make_pair();
    uint8_t buf[64];
    struct lk_frame f;
    assert_int_equal(lk_frame_send_fd(p.a, LK_F_CTL_TOKEN_LINK, 0, LK_BYTES_NONE, passed.a).code, LK_R_OK);
    assert_int_equal(lk_frame_recv(p.b, LK_LINK_SUPER_KEEPER, buf, sizeof(buf), &f).code, LK_R_OK);
    assert_true(f.fd > 2);
    assert_int_equal(write(passed.b, "x", 1), 1);
    assert_int_equal(read(f.fd, buf, 1), 1);
    close(f.fd);
    /* one that should bring one and does not; one that brings one and must not */
    assert_int_equal(lk_frame_send(p.a, LK_F_CTL_TOKEN_LINK, 0, LK_BYTES_NONE).code, LK_R_OK);
    assert_int_equal(lk_frame_recv(p.b, LK_LINK_SUPER_KEEPER, buf, sizeof(buf), &f).code, LK_R_FRAME_FORBIDDEN);
    assert_int_equal(lk_frame_send_fd(p.a, LK_F_CTL_DRAIN, 0, LK_BYTES_NONE, passed.a).code, LK_R_OK);
    assert_int_equal(lk_frame_recv(p.b, LK_LINK_SUPER_KEEPER, buf, sizeof(buf), &f).code, LK_R_FRAME_FORBIDDEN);
    assert_int_equal(f.fd, -1);
    assert_int_equal(lk_frame_send_fd(p.a, LK_F_TAKEN, 0, lk_bytes("abcd", 4), passed.a).code, LK_R_OK);
    assert_int_equal(lk_frame_recv(p.b, LK_LINK_KEEPER_FRONT, buf, sizeof(buf), &f).code, LK_R_FRAME_FORBIDDEN);
    close_pair(p);
    close_pair(passed);
}

struct seen {
    int frames;
    size_t bytes;
    uint64_t last;
    int fd;
};

static lk_result on_frame(void *arg, const struct lk_frame *f)
{
    struct seen *s = arg;
    s->frames++;
    s->bytes += f->payload.len;
    s->last = f->request;
    s->fd = f->fd;
    return LK_OK;
}

static void channel_reads_whole_frames_from_pieces(void **state)
{
    (void)state;
    struct pair p = make_pair();
    struct lk_chan *c = lk_chan_new(p.b, LK_LINK_KEEPER_FRONT);
    struct seen s = {0};
    uint8_t wire[16 + 4] = {4, 0, 0, 0, 32, 0, 0, 0, 5};
    for (size_t i = 0; i < sizeof(wire); i++) {
        assert_int_equal(write(p.a, wire + i, 1), 1);
        assert_int_equal(lk_chan_read(c, on_frame, &s).code, LK_R_OK);
    }
    assert_int_equal(s.frames, 1);
    assert_int_equal(s.last, 5);
    assert_int_equal(write(p.a, wire, sizeof(wire)), sizeof(wire));
    assert_int_equal(write(p.a, wire, sizeof(wire)), sizeof(wire));
    assert_int_equal(lk_chan_read(c, on_frame, &s).code, LK_R_OK);
    assert_int_equal(s.frames, 3);
    close(p.a);
    assert_int_equal(lk_chan_read(c, on_frame, &s).code, LK_R_FRAME_CLOSED);
    assert_int_equal(lk_chan_write(c, LK_F_TAKEN, 0, LK_BYTES_NONE).code, LK_R_FRAME_CLOSED); /* dead for good */
    lk_chan_free(c);
}

static void channel_queues_what_does_not_fit(void **state)
{
    (void)state;
    struct pair p = make_pair();
    struct lk_chan *out = lk_chan_new(p.a, LK_LINK_FRONT_SUPER), *in = lk_chan_new(p.b, LK_LINK_KEEPER_FRONT);
    static uint8_t big[1u << 20];
    struct seen s = {0};
    for (int i = 0; i < 3; i++)
        assert_int_equal(lk_chan_write(out, LK_F_ANSWER, (uint64_t)i, LK_BYTES(big)).code, LK_R_OK);
    assert_true(lk_chan_pending(out) > 0);
    for (int i = 0; i < 1000 && s.frames < 3; i++) {
        assert_int_equal(lk_chan_read(in, on_frame, &s).code, LK_R_OK);
        assert_int_equal(lk_chan_flush(out).code, LK_R_OK);
    }
    assert_int_equal(s.frames, 3);
    assert_int_equal(s.bytes, 3 * sizeof(big));
    assert_int_equal(lk_chan_pending(out), 0);
    lk_chan_free(out);
    lk_chan_free(in);
}

static void channel_passes_descriptors(void **state)
{
    (void)state;
    struct pair p = make_pair();
    struct lk_chan *out = lk_chan_new(p.a, LK_LINK_KEEPER_SUPER), *in = lk_chan_new(p.b, LK_LINK_SUPER_KEEPER);
    struct seen s = {0};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(lk_chan_write_fd(out, LK_F_CTL_FRONT_LINK, 0, LK_BYTES_NONE, null).code, LK_R_OK);
    assert_int_equal(lk_chan_write(out, LK_F_CTL_FRONT_LINK, 0, LK_BYTES_NONE).code, LK_R_FRAME_FORBIDDEN);
    close(null);
    assert_int_equal(lk_chan_read(in, on_frame, &s).code, LK_R_OK);
    assert_true(s.fd > 2);
    assert_int_equal(fcntl(s.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(s.fd);
    lk_chan_free(out);
    lk_chan_free(in);
}

static void channel_refuses_the_forbidden(void **state)
{
    (void)state;
    struct pair p = make_pair();
    struct lk_chan *c = lk_chan_new(p.b, LK_LINK_FRONT_ADMIN);
    struct seen s = {0};
    put_header(p.a, 0, LK_F_VERDICT, 0);
    assert_int_equal(lk_chan_read(c, on_frame, &s).code, LK_R_FRAME_FORBIDDEN);
    assert_int_equal(s.frames, 0);
    lk_chan_free(c);
    close(p.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocking_round_trip),
        cmocka_unit_test(what_is_not_permitted_is_forbidden),
        cmocka_unit_test(every_link_takes_only_its_own),
        cmocka_unit_test(descriptors_travel_only_where_they_may),
        cmocka_unit_test(channel_reads_whole_frames_from_pieces),
        cmocka_unit_test(channel_queues_what_does_not_fit),
        cmocka_unit_test(channel_passes_descriptors),
        cmocka_unit_test(channel_refuses_the_forbidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
