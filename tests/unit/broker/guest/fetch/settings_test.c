/* SPDX-License-Identifier: Apache-2.0 */
/* fetch.conf, the kernel's command line, targets, and which source has the say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/guest/fetch/output.h"
#include "broker/guest/fetch/settings.h"

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct lk_fetch_options o;
static struct lk_settings s;
static struct lk_source_error e;
static char text[2][4096];

static void fresh(void)
{
    o = (struct lk_fetch_options){.timeout_s = 300};
    s = (struct lk_settings){.o = &o};
}

static bool file(const char *conf)
{
    size_t len = strlen(conf);
    memcpy(text[0], conf, len);
    s.source = LK_FROM_FILE;
    return lk_source_file(text[0], len, lk_settings_put, &s, &e);
}

static bool kernel(const char *line)
{
    size_t len = strlen(line);
    memcpy(text[1], line, len);
    s.source = LK_FROM_KERNEL;
    return lk_source_kernel(text[1], len, lk_settings_put, &s, &e);
}

static void a_file_is_read(void **state)
{
    (void)state;
    fresh();
    assert_true(file("# where\n\nbroker = a:1\n  broker=[::1]:2  \nbroker-id = " ID "\r\n") == false);
    assert_int_equal(e.line, 5);
    fresh();
    assert_true(file("# where\n\nbroker = a:1\n\tbroker=[::1]:2  \nbroker-id = " ID "\nsecret = x y = z=luks:/dev/vda,name=root\n"
                     "secret = k=file:/run/k,mode=0440,owner=7:8\ncreate = yes\non-refused = wait\ntimeout = 0"));
    assert_true(lk_settings_settle(&s, &e));
    assert_int_equal(o.n_brokers, 2);
    assert_string_equal(o.brokers[1], "[::1]:2");
    assert_int_equal(o.secrets[0].to.kind, LK_TARGET_FILE); /* the first "=" ends the name */
    assert_int_equal(o.secrets[0].name_len, 4);
    assert_int_equal(o.secrets[1].to.mode, 0440);
    assert_int_equal(o.secrets[1].to.owner * 10 + o.secrets[1].to.group, 78);
    assert_true(o.secrets[1].create && o.wait_when_refused && o.default_collectors);
    assert_int_equal(o.timeout_s, 0);
}

static void a_wrong_line_is_told_by_its_number(void **state)
{
    (void)state;
    static const struct {
        const char *conf;
        unsigned line;
        const char *text;
    } rows[] = {
        {"broker = a:1\nbrokr = b:1\n", 2, "\"brokr\" is no setting here"},
        {"broker\n", 1, "a line is NAME = VALUE"},
        {"\n\n= x\n", 3, "a line is NAME = VALUE"},
        {"Broker = x\n", 1, "a line is NAME = VALUE"},
        {"broker =  \n", 1, "there is no value"},
        {"broker = a\001b\n", 1, "it has a control character"},
        {"timeout = 1\ntimeout = 2\n", 2, "\"timeout\" stands twice"},
        {"timeout = soon\n", 1, "timeout: \"soon\" cannot be used"},
        {"create = no\n", 1, "\"create\" is there (in a file: = yes) or not"},
        {"out = /x\n", 1, "\"out\" is no setting here"},
        {"config = /x\n", 1, "\"config\" is no setting here"},
        {"secret = x=luks:/dev/vda\n", 1, "secret: \"x=luks:/dev/vda\" cannot be used"},
        {"broker-id = 12\n", 1, "broker-id: \"12\" cannot be used"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        fresh();
        assert_false(file(rows[i].conf));
        assert_int_equal(e.line, rows[i].line);
        assert_string_equal(e.text, rows[i].text);
    }
    static char long_file[LK_SOURCE_MAX + 2];
    assert_false(lk_source_file(long_file, LK_SOURCE_MAX + 1, lk_settings_put, &s, &e));
}

static void the_kernels_command_line_is_read(void **state)
{
    (void)state;
    fresh();
    assert_true(kernel("BOOT_IMAGE=/vmlinuz root=/dev/mapper/root latchkey.broker=a:1 latchkey.broker-id=" ID
                       " \"latchkey.secret=a b=crypttab:root\" latchkey.create latchkey.on-refused=\"wait\" quiet -- latchkey.no\n"));
    assert_true(lk_settings_settle(&s, &e));
    assert_int_equal(o.secrets[0].name_len, 3);
    assert_string_equal(o.secrets[0].to.name, "root");
    assert_int_equal(o.secrets[0].to.kind, LK_TARGET_CRYPTTAB);
    assert_true(o.secrets[0].create && o.wait_when_refused);
    static const char *const bad[] = {"latchkey.=x", "latchkey.broker", "latchkey.broker=", "latchkey.create=yes",
                                      "latchkey.collector=/bin/sh", "latchkey.ca=x", "latchkey.brokr=a:1",
                                      "latchkey.secret=x=/etc/passwd", "latchkey.secret=x=file:/etc/passwd,on-disk"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        fresh();
        assert_false(kernel(bad[i]));
        assert_int_equal(e.line, 0);
    }
}

static void the_first_source_has_the_say(void **state)
{
    (void)state;
    fresh();
    assert_true(file("broker-id = " ID "\ntimeout = 5\n"));
    assert_true(kernel("latchkey.broker=a:1 latchkey.broker=b:1 latchkey.timeout=9 latchkey.secret=x latchkey.broker-id=" ID));
    assert_int_equal(o.timeout_s, 5);
    assert_int_equal(o.n_brokers, 2);
    assert_true(lk_settings_settle(&s, &e));
    fresh();
    assert_true(file("broker = a:1\n"));
    assert_true(kernel("latchkey.broker=evil:1"));
    assert_int_equal(o.n_brokers, 1);
    assert_string_equal(o.brokers[0], "a:1");
}

static void another_broker_id_is_never_passed_over(void **state)
{
    (void)state;
    fresh();
    assert_true(file("broker-id = " ID "\n"));
    assert_false(kernel("latchkey.broker-id=" OTHER));
    assert_string_equal(e.text, "another broker-id stands elsewhere");
}

static void what_is_needed_must_be_there(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "broker = a:1\nbroker-id = " ID "\n", "broker = a:1\nsecret = x\n", "secret = x\nbroker-id = " ID "\n",
        "broker = a:1\nbroker-id = " ID "\nsecret = x=crypttab:root\nsecret = y=luks:/dev/vda,name=root\n",
        "broker = a:1\nbroker-id = " ID "\nsecret = x=-\nsecret = y=fd:1\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        fresh();
        assert_true(file(bad[i]));
        assert_false(lk_settings_settle(&s, &e));
    }
}

static void targets_are_strict(void **state)
{
    (void)state;
    struct lk_target t;
    static const char *const good[] = {"-", "fd:3", "x", "/run/x,y", "file:/run/x", "file:/x,mode=0,owner=1,on-disk",
                                       "crypttab:root", "crypttab:root,device=/dev/vda2,uuid=b", "luks:/dev/vda2,name=a,uuid=b", "luks:/dev/vda2,uuid=b,name=a"};
    static const char *const bad[] = {"", "fd:", "fd:x", "fd:-1", "fd:3 ", "file:x", "file:", "file:/x,", "file:/x,mode=8",
                                      "file:/x,mode=1000", "file:/x,owner=root", "file:/x,owner=1:", "file:/x,on-disk=1",
                                      "file:/x,what", "crypttab:", "crypttab:../x", "crypttab:.x", "crypttab:x,mode=0", "crypttab:x,device=vda",
                                      "luks:/dev/vda2", "luks:vda,name=x", "luks:/dev/vda2,name=", "luks:/dev/vda2,name=a/b"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(lk_target_parse(good[i], &t));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (lk_target_parse(bad[i], &t))
            fail_msg("%s was taken", bad[i]);
    char path[LK_TARGET_PATH_MAX + 2];
    memset(path, 'x', sizeof(path));
    path[LK_TARGET_PATH_MAX + 1] = '\0';
    assert_false(lk_target_parse(path, &t));
    assert_true(lk_target_parse(path + 1, &t));
}

/* /dev/shm is in memory; the folder of the test may be or not. */
static void a_file_has_the_mode_and_owner_that_were_asked_for(void **state)
{
    (void)state;
    char path[64], target[128];
    struct stat st;
    snprintf(path, sizeof(path), "/dev/shm/lk-settings-%d", (int)getpid());
    snprintf(target, sizeof(target), "file:%s,mode=0444,owner=%d:%d", path, (int)getuid(), (int)getgid());
    assert_int_equal(lk_fetch_write(target, LK_BYTES("x")).code, LK_R_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0444);
    assert_int_equal(st.st_uid, getuid());
    unlink(path);
    assert_int_equal(lk_fetch_write("file:/proc/self/x", LK_BYTES("x")).code, LK_R_OUTPUT);
    assert_int_equal(lk_fetch_write("crypttab:x", LK_BYTES("x")).code, LK_R_OUTPUT);
}

static void only_memory_will_do_for_a_file_in_memory(void **state)
{
    (void)state;
    char folder[] = "./lk-settings-XXXXXX", full[4096], target[4200];
    assert_non_null(mkdtemp(folder)); /* the source tree: a disk */
    assert_non_null(realpath(folder, full));
    snprintf(target, sizeof(target), "file:%s/x", full);
    lk_result in_memory = lk_fetch_write(target, LK_BYTES("x"));
    snprintf(target, sizeof(target), "file:%s/x,on-disk", full);
    assert_int_equal(lk_fetch_write(target, LK_BYTES("x")).code, LK_R_OK);
    snprintf(target, sizeof(target), "%s/x", full);
    unlink(target);
    assert_int_equal(rmdir(folder), 0);
    if (lk_ok(in_memory))
        skip(); /* somebody builds in memory */
    assert_int_equal(in_memory.code, LK_R_OUTPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read),
        cmocka_unit_test(a_wrong_line_is_told_by_its_number),
        cmocka_unit_test(the_kernels_command_line_is_read),
        cmocka_unit_test(the_first_source_has_the_say),
        cmocka_unit_test(another_broker_id_is_never_passed_over),
        cmocka_unit_test(what_is_needed_must_be_there),
        cmocka_unit_test(targets_are_strict),
        cmocka_unit_test(a_file_has_the_mode_and_owner_that_were_asked_for),
        cmocka_unit_test(only_memory_will_do_for_a_file_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
