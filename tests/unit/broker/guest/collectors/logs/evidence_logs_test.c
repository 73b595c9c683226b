/* SPDX-License-Identifier: Apache-2.0 */
/* securityfs, played by a folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/guest/collectors/logs/logs.h"

static char root[64];
static const char *const names[] = {"tpm0/binary_bios_measurements", "ima/binary_runtime_measurements",
                                    "ima/ascii_runtime_measurements"};

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    return path;
}

static void put_file(const char *name, size_t len, char c)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    for (size_t i = 0; i < len; i++)
        putc(c, f);
    fclose(f);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(root, "/tmp/lk-logs-XXXXXX");
    assert_non_null(mkdtemp(root));
    assert_int_equal(mkdir(path_of("tpm0"), 0700) | mkdir(path_of("ima"), 0700), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unlink(path_of(names[i]));
    rmdir(path_of("tpm0"));
    rmdir(path_of("ima"));
    return rmdir(root);
}

/* The log's bytes, or a length of 0 and the failure. */
static size_t ask(const char *family, char *first, struct lk_collector_failure *f)
{
    static const uint8_t binding[64];
    struct lk_logs_options options = {.securityfs = root};
    struct lk_collector_item item = {.n = 0};
    Latchkey__V1__EvidenceItemRequest request = LATCHKEY__V1__EVIDENCE_ITEM_REQUEST__INIT;
    request.family = (char *)(uintptr_t)family;
    *f = (struct lk_collector_failure){0};
    if (!lk_logs_collector_ops.collect(&options, LK_BYTES(binding), &request, &item, f)) {
        assert_int_equal(item.n, 0);
        return 0;
    }
    assert_int_equal(item.n, 1);
    assert_string_equal(item.parts[0].name, "log");
    size_t len = item.parts[0].data.len;
    *first = (char)item.parts[0].data.data[0];
    lk_buf_free(&item.parts[0].data);
    return len;
}

static void logs_are_sent_as_they_are(void **state)
{
    (void)state;
    struct lk_collector_failure f;
    char first = 0;
    put_file(names[0], 40000, 'e');
    put_file(names[1], 70000, 'b');
    put_file(names[2], 10, 'a');
    assert_int_equal(ask("eventlog", &first, &f), 40000);
    assert_int_equal(first, 'e');
    assert_int_equal(ask("ima", &first, &f), 70000);
    assert_int_equal(first, 'b'); /* the binary list is preferred */
    unlink(path_of(names[1]));
    assert_int_equal(ask("ima", &first, &f), 10);
    assert_int_equal(first, 'a');
}

static void a_log_that_is_not_there_is_no_device(void **state)
{
    (void)state;
    struct lk_collector_failure f;
    char first;
    assert_int_equal(ask("eventlog", &first, &f), 0);
    assert_int_equal(f.code, LK_COLLECTOR_NO_DEVICE);
    assert_non_null(strstr(f.text, "No such file"));
    put_file(names[0], 0, 'e');
    assert_int_equal(ask("eventlog", &first, &f), 0);
    assert_int_equal(f.code, LK_COLLECTOR_NO_DEVICE);
    assert_non_null(strstr(f.text, "is empty"));
}

static void a_log_without_end_is_given_up(void **state)
{
    (void)state;
    struct lk_collector_failure f;
    char first;
    put_file(names[1], LK_COLLECTOR_PART_MAX + 1, 'b');
    assert_int_equal(ask("ima", &first, &f), 0);
    assert_int_equal(f.code, LK_COLLECTOR_DEVICE);
    put_file(names[1], LK_COLLECTOR_PART_MAX, 'b');
    assert_int_equal(ask("ima", &first, &f), LK_COLLECTOR_PART_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(logs_are_sent_as_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_is_not_there_is_no_device, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_without_end_is_given_up, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
