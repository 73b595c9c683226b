/* SPDX-License-Identifier: Apache-2.0 */
/* configfs-tsm, played by a thread: it fills the folder that the collector makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/guest/collectors/snp/source.h"

static struct kernel {
    char root[64], folder[160];
    const char *provider, *generation, *floor;
    size_t report_len;
    bool certs;
    char privlevel[8], service[64];
    bool svsm, manifest;
    _Atomic bool stop;
} kernel;

static void put_file(const char *name, const void *data, size_t len)
{
    char path[200], temporary[220];
    snprintf(path, sizeof(path), "%s/%s", kernel.folder, name);
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    FILE *f = fopen(temporary, "w");
    assert_non_null(f);
    fwrite(data, 1, len, f);
    fclose(f);
    assert_int_equal(rename(temporary, path), 0);
}

static size_t get_file(const char *name, void *data, size_t size)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", kernel.folder, name);
    FILE *f = fopen(path, "r");
    size_t n = f == NULL ? 0 : fread(data, 1, size, f);
    if (f != NULL)
        fclose(f);
    return n;
}

/* The report of the emulated firmware: REPORT_DATA at 0x50, as in a real one, else zero. */
static void *play(void *arg)
{
    (void)arg;
    const struct timespec pause = {.tv_nsec = 2000000};
    uint8_t in[64], report[LK_SNP_REPORT_LEN] = {0};
    while (access(kernel.folder, F_OK) != 0 && !kernel.stop)
        nanosleep(&pause, NULL);
    put_file("provider", kernel.provider, strlen(kernel.provider));
    put_file("privlevel_floor", kernel.floor, strlen(kernel.floor));
    while (get_file("inblob", in, sizeof(in)) != sizeof(in)) {
        if (kernel.stop)
            return NULL;
        nanosleep(&pause, NULL);
    }
    kernel.privlevel[get_file("privlevel", kernel.privlevel, sizeof(kernel.privlevel) - 1)] = '\0';
    memcpy(report + 0x50, in, sizeof(in));
    put_file("generation", kernel.generation, strlen(kernel.generation));
    memset(kernel.service, 0, sizeof(kernel.service));
    size_t n = get_file("service_provider", kernel.service, 16);
    get_file("service_guid", kernel.service + n, sizeof(kernel.service) - n - 1);
    if (kernel.certs)
        put_file("auxblob", "certificates", 12);
    if (kernel.manifest)
        put_file("manifestblob", "manifest", 8);
    put_file("outblob", report, kernel.report_len);
    return NULL;
}

static enum lk_device_status ask(const uint32_t *vmpl, size_t n_vmpl, struct lk_snp_evidence *out)
{
    strcpy(kernel.root, "/tmp/lk-tsm-XXXXXX");
    assert_non_null(mkdtemp(kernel.root));
    char path[80];
    snprintf(path, sizeof(path), "%s/report", kernel.root);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(kernel.folder, sizeof(kernel.folder), "%s/latchkey-%d", path, (int)getpid());
    kernel.stop = false;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, play, NULL), 0);
    uint8_t data[64];
    memset(data, 0xab, sizeof(data));
    struct lk_snp_request request = {.user_data = data, .vmpl = vmpl, .n_vmpl = n_vmpl, .svsm = kernel.svsm};
    struct lk_device_error error;
    enum lk_device_status status = lk_snp_from_tsm(kernel.root, &request, out, &error);
    kernel.stop = true;
    pthread_join(thread, NULL);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", kernel.root);
    assert_int_equal(system(command), 0);
    return status;
}

static void setup_kernel(void)
{
    kernel = (struct kernel){.provider = "sev_guest\n", .generation = "1\n", .floor = "0\n", .report_len = LK_SNP_REPORT_LEN};
}

static void a_report_and_its_certificates_come_back(void **state)
{
    (void)state;
    setup_kernel();
    kernel.certs = true;
    struct lk_snp_evidence e = {0};
    assert_int_equal(ask(NULL, 0, &e), LK_DEVICE_OK);
    assert_int_equal(e.report.len, LK_SNP_REPORT_LEN);
    assert_int_equal(e.report.data[0x50], 0xab);
    assert_true(lk_bytes_eq(lk_buf_bytes(&e.certs), lk_bytes_str("certificates")));
    lk_snp_evidence_free(&e);
}

static void the_module_is_asked_for_its_manifest(void **state)
{
    static const uint32_t zero = 0;
    (void)state;
    setup_kernel();
    kernel.svsm = kernel.certs = kernel.manifest = true;
    kernel.generation = "4\n";
    kernel.floor = "2\n"; /* this kernel itself could not ask for VMPL 0 */
    struct lk_snp_evidence e = {0};
    assert_int_equal(ask(&zero, 1, &e), LK_DEVICE_OK);
    assert_true(lk_bytes_eq(lk_buf_bytes(&e.manifest), lk_bytes_str("manifest")));
    assert_string_equal(kernel.service, "svsmc476f1eb-0123-45a5-9641-b4e7dde5bfe3");
    assert_string_equal(kernel.privlevel, "");
    lk_snp_evidence_free(&e);
    kernel.svsm = false;
    kernel.generation = "1\n";
    assert_int_equal(ask(NULL, 0, &e), LK_DEVICE_OK);
    assert_int_equal(e.manifest.len, 0);
    assert_string_equal(kernel.service, "");
    lk_snp_evidence_free(&e);
}

static void the_least_allowed_vmpl_is_asked_for(void **state)
{
    (void)state;
    setup_kernel();
    kernel.generation = "2\n"; /* privlevel and inblob: two writes */
    kernel.floor = "1\n";
    const uint32_t vmpl[] = {3, 0, 2};
    struct lk_snp_evidence e = {0};
    assert_int_equal(ask(vmpl, 3, &e), LK_DEVICE_OK);
    assert_string_equal(kernel.privlevel, "2");
    lk_snp_evidence_free(&e);
}

static void no_allowed_vmpl_is_told(void **state)
{
    (void)state;
    setup_kernel();
    kernel.floor = "2\n";
    const uint32_t vmpl[] = {0};
    struct lk_snp_evidence e = {0};
    assert_int_equal(ask(vmpl, 1, &e), LK_DEVICE_FAILED);
    lk_snp_evidence_free(&e);
}

static void another_writer_is_noticed(void **state)
{
    (void)state;
    setup_kernel();
    kernel.generation = "2\n";
    struct lk_snp_evidence e = {0};
    assert_int_equal(ask(NULL, 0, &e), LK_DEVICE_BUSY);
    lk_snp_evidence_free(&e);
}

static void another_kind_of_machine_is_no_device(void **state)
{
    (void)state;
    setup_kernel();
    kernel.provider = "tdx_guest\n";
    struct lk_snp_evidence e = {0};
    assert_int_equal(ask(NULL, 0, &e), LK_DEVICE_NONE);
    lk_snp_evidence_free(&e);
}

static void a_report_of_another_size_is_none(void **state)
{
    (void)state;
    setup_kernel();
    kernel.report_len = 100;
    struct lk_snp_evidence e = {0};
    assert_int_equal(ask(NULL, 0, &e), LK_DEVICE_FAILED);
    lk_snp_evidence_free(&e);
}

static void without_hardware_there_is_no_device(void **state)
{
    (void)state;
    uint8_t data[64] = {0};
    struct lk_snp_request request = {.user_data = data};
    struct lk_snp_evidence e = {0};
    struct lk_device_error error;
    assert_int_equal(lk_snp_from_tsm("/nonexistent", &request, &e, &error), LK_DEVICE_NONE);
    assert_int_equal(lk_snp_from_device("/nonexistent", &request, &e, &error), LK_DEVICE_NONE);
    assert_non_null(strstr(error.text, "/nonexistent"));
    lk_snp_evidence_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_and_its_certificates_come_back), cmocka_unit_test(the_module_is_asked_for_its_manifest), cmocka_unit_test(the_least_allowed_vmpl_is_asked_for),
        cmocka_unit_test(no_allowed_vmpl_is_told),                 cmocka_unit_test(another_writer_is_noticed),
        cmocka_unit_test(another_kind_of_machine_is_no_device),    cmocka_unit_test(a_report_of_another_size_is_none),
        cmocka_unit_test(without_hardware_there_is_no_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
