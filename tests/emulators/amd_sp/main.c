/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amd-sp-emulator: a software AMD secure processor for tests and demonstrations.
 * Its root is its own: a broker believes it only where an admin adds ark.der as an anchor.
 */
#include "tests/emulators/amd_sp/serve.h"
#include "tests/emulators/amd_sp/state.h"

#include <errno.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
    "usage: amd-sp-emulator --dir D make-root [--product milan|genoa|turin]\n"
    "       amd-sp-emulator --dir D report --out E (--report-data HEX | --inblob FILE) [field...]\n"
    "       amd-sp-emulator --dir D serve --out ROOT [field...]\n"
    "\n"
    "make-root  writes keys, ark.der, ask.der, asvk.der, cert_chain.pem, cert_chain-vlek.pem and crl.der into D.\n"
    "report     writes outblob (the report), auxblob (the certificate table), vek.der and provider into E, like an\n"
    "           entry of configfs-tsm.\n"
    "serve      plays configfs-tsm in the folder ROOT until it is ended: latchkey-evidence-snp --tsm-root ROOT;\n"
    "           with --manifest FILE also an SVSM whose virtual TPM's manifest is in the file\n"
    "fields:    --key vcek|vlek --version N --vmpl N --guest-svn N --policy N --platform-info N --key-info N\n"
    "           --measurement HEX --host-data HEX --id-key-digest HEX --author-key-digest HEX --chip-id HEX\n"
    "           --reported-tcb HEX --committed-tcb HEX --current-tcb HEX --launch-tcb HEX (16 digits, as in the report)\n"
    "           --launch-mitigations N --current-mitigations N\n";

struct options {
    const char *dir, *out, *inblob, *manifest;
    enum amd_sp_product product;
    enum amd_sp_key key;
    int argc; /* the options that change fields are read a second time, once the product is known */
    char **argv;
};

enum { OPT_DIR = 256, OPT_OUT, OPT_PRODUCT, OPT_KEY, OPT_INBLOB, OPT_MANIFEST, OPT_FIELD };

#define AT(field) offsetof(struct amd_sp_report, field), sizeof(((struct amd_sp_report *)NULL)->field)

/* Options that set a field of struct amd_sp_report: hex bytes, or a number of the host's byte order. */
static const struct {
    const char *name;
    size_t offset, size;
    bool number;
} fields[] = {
    {"report-data", AT(report_data), false},
    {"version", AT(version), true},
    {"vmpl", AT(vmpl), true},
    {"guest-svn", AT(guest_svn), true},
    {"policy", AT(policy), true},
    {"platform-info", AT(platform_info), true},
    {"key-info", AT(key_info), true},
    {"measurement", AT(measurement), false},
    {"host-data", AT(host_data), false},
    {"id-key-digest", AT(id_key_digest), false},
    {"author-key-digest", AT(author_key_digest), false},
    {"chip-id", AT(chip_id), false},
    {"reported-tcb", AT(reported_tcb), false},
    {"committed-tcb", AT(committed_tcb), false},
    {"current-tcb", AT(current_tcb), false},
    {"launch-tcb", AT(launch_tcb), false},
    {"launch-mitigations", AT(launch_mitigations), true},
    {"current-mitigations", AT(current_mitigations), true},
};
#define FIELDS (sizeof(fields) / sizeof(*fields))

static _Noreturn void wrong(const char *what)
{
    fprintf(stderr, "amd-sp-emulator: %s\n%s", what, usage);
    exit(64);
}

static void set_field(struct amd_sp_report *r, size_t i, const char *text)
{
    uint8_t *at = (uint8_t *)r + fields[i].offset;
    if (fields[i].number) {
        uint64_t v = strtoull(text, NULL, 0);
        memcpy(at, &v, fields[i].size); /* little-endian hosts only: x86 */
        return;
    }
    size_t n = 0;
    memset(at, 0, fields[i].size);
    if (OPENSSL_hexstr2buf_ex(at, fields[i].size, &n, text, '\0') != 1)
        wrong("a field is no hex or too long");
}

static const struct option *long_options(void)
{
    static struct option o[7 + FIELDS] = {
        {"dir", required_argument, NULL, OPT_DIR},   {"out", required_argument, NULL, OPT_OUT},
        {"product", required_argument, NULL, OPT_PRODUCT}, {"key", required_argument, NULL, OPT_KEY},
        {"inblob", required_argument, NULL, OPT_INBLOB}, {"manifest", required_argument, NULL, OPT_MANIFEST},
    };
    for (size_t i = 0; i < FIELDS; i++)
        o[6 + i] = (struct option){fields[i].name, required_argument, NULL, OPT_FIELD + (int)i};
    return o;
}

static enum amd_sp_product product_of(const char *word)
{
    for (int p = AMD_SP_MILAN; p <= AMD_SP_TURIN; p++)
        if (strcasecmp(word, amd_sp_product_name((enum amd_sp_product)p)) == 0)
            return (enum amd_sp_product)p;
    wrong("unknown product");
}

/* report NULL: the program's own options; else the fields. Returns the command. */
static const char *read_options(struct options *o, struct amd_sp_report *report)
{
    int c;
    optind = 0;
    while ((c = getopt_long(o->argc, o->argv, "", long_options(), NULL)) != -1) {
        if (c == OPT_DIR)
            o->dir = optarg;
        else if (c == OPT_OUT)
            o->out = optarg;
        else if (c == OPT_INBLOB)
            o->inblob = optarg;
        else if (c == OPT_MANIFEST)
            o->manifest = optarg;
        else if (c == OPT_PRODUCT)
            o->product = product_of(optarg);
        else if (c == OPT_KEY)
            o->key = strcmp(optarg, "vlek") == 0 ? AMD_SP_VLEK : AMD_SP_VCEK;
        else if (c < OPT_FIELD)
            wrong("unknown option");
        else if (report != NULL)
            set_field(report, (size_t)(c - OPT_FIELD), optarg);
    }
    if (o->dir == NULL || optind != o->argc - 1)
        wrong("--dir and one command are needed");
    return o->argv[optind];
}

static void read_inblob(const char *path, uint8_t report_data[static 64])
{
    FILE *f = fopen(path, "rb");
    if (f == NULL || fread(report_data, 1, 64, f) != 64)
        wrong("the inblob is not 64 bytes");
    fclose(f);
}

static void write_answer(const struct options *o, const struct amd_sp_state *s, const struct amd_sp_report *r, bool certs)
{
    bool vlek = o->key == AMD_SP_VLEK;
    EVP_PKEY *key = s->keys[vlek ? AMD_SP_HELD_VLEK : AMD_SP_HELD_VCEK];
    const struct amd_sp_der *intermediate = vlek ? &s->asvk : &s->ask;
    struct amd_sp_profile p = amd_sp_vek_profile(s->product, o->key, r->reported_tcb, r->chip_id, "CN=emulator.test");
    struct amd_sp_der vek;
    uint8_t report[AMD_SP_REPORT], table[16384];
    amd_sp_issue(&p, key, s->keys[vlek ? AMD_SP_HELD_ASVK : AMD_SP_HELD_ASK], &vek);
    amd_sp_report_write(r, report);
    amd_sp_report_sign(report, key);
    const struct amd_sp_blob blobs[] = {
        {vlek ? AMD_SP_GUID_VLEK : AMD_SP_GUID_VCEK, vek.data, vek.len},
        {AMD_SP_GUID_ASK, intermediate->data, intermediate->len},
        {AMD_SP_GUID_ARK, s->ark.data, s->ark.len},
    };
    size_t n = amd_sp_cert_table(blobs, 3, table, sizeof(table));
    if (mkdir(o->out, 0700) != 0 && errno != EEXIST)
        wrong("cannot make the folder of --out");
    amd_sp_write(o->out, "vek.der", vek.data, vek.len);
    amd_sp_write(o->out, "provider", "sev_guest\n", 10);
    if (certs)
        amd_sp_write(o->out, "auxblob", table, n);
    /* Last, and at once: who waits for it finds everything. */
    char from[4096], to[4096];
    snprintf(from, sizeof(from), "%s/.outblob", o->out);
    snprintf(to, sizeof(to), "%s/outblob", o->out);
    amd_sp_write(o->out, ".outblob", report, sizeof(report));
    if (rename(from, to) != 0)
        wrong("cannot write the outblob");
}

struct service {
    struct options *o;
    const struct amd_sp_state *s;
    struct amd_sp_report report;
};

static void answer(void *context, const char *folder, const uint8_t report_data[static 64], uint32_t vmpl, bool certs)
{
    struct service *service = context;
    struct amd_sp_report r = service->report;
    memcpy(r.report_data, report_data, sizeof(r.report_data));
    r.vmpl = vmpl;
    service->o->out = folder;
    write_answer(service->o, service->s, &r, certs);
}

static const struct amd_sp_module *read_module(const char *path)
{
    static struct amd_sp_module module;
    FILE *f = path == NULL ? NULL : fopen(path, "rb");
    if (path == NULL)
        return NULL;
    if (f == NULL || (module.len = fread(module.manifest, 1, sizeof(module.manifest), f)) == 0)
        wrong("the manifest cannot be read");
    fclose(f);
    return &module;
}

int main(int argc, char **argv)
{
    struct options o = {.argc = argc, .argv = argv};
    struct amd_sp_state s = {0};
    const char *command = read_options(&o, NULL);
    if (strcmp(command, "make-root") == 0) {
        amd_sp_state_make(o.dir, o.product, &s);
        amd_sp_state_free(&s);
        printf("%s/ark.der\n", o.dir);
        return 0;
    }
    bool serve = strcmp(command, "serve") == 0;
    if ((!serve && strcmp(command, "report") != 0) || o.out == NULL)
        wrong("unknown command, or no --out");
    amd_sp_state_load(o.dir, &s);
    struct amd_sp_report r = amd_sp_report_default(s.product);
    r.key_info = o.key == AMD_SP_VLEK ? 1u << 2 : 0;
    read_options(&o, &r);
    if (r.version < 3)
        memset(r.cpuid, 0, sizeof(r.cpuid)); /* reserved before version 3 */
    if (serve)
        amd_sp_serve(o.out, read_module(o.manifest), answer, &(struct service){&o, &s, r});
    if (o.inblob != NULL)
        read_inblob(o.inblob, r.report_data);
    write_answer(&o, &s, &r, true);
    amd_sp_state_free(&s);
    return 0;
}
