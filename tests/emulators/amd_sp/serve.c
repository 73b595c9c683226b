/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/emulators/amd_sp/serve.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_NS 10000000
#define KEEP_SECONDS 3

static size_t read_file(const char *folder, const char *name, void *out, size_t size)
{
    char path[PATH_MAX + NAME_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return 0;
    size_t n = fread(out, 1, size, f);
    fclose(f);
    return n;
}

static bool exists(const char *folder, const char *name, time_t *since)
{
    char path[PATH_MAX + NAME_MAX];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (stat(path, &st) != 0)
        return false;
    *since = st.st_mtime;
    return true;
}

static void write_file(const char *folder, const char *name, const void *data, size_t len)
{
    char path[PATH_MAX + NAME_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        return;
    fwrite(data, 1, len, f);
    fclose(f);
}

static void write_text(const char *folder, const char *name, const char *text)
{
    write_file(folder, name, text, strlen(text));
}

/* The guest has asked the module, for the service that it has. */
static bool asks_module(const char *folder)
{
    char provider[8] = "", guid[40] = "", version[4] = "";
    read_file(folder, "service_provider", provider, sizeof(provider) - 1);
    read_file(folder, "service_guid", guid, sizeof(guid) - 1);
    read_file(folder, "service_manifest_version", version, sizeof(version) - 1);
    return strcmp(provider, "svsm") == 0 && strcmp(guid, "c476f1eb-0123-45a5-9641-b4e7dde5bfe3") == 0 && strcmp(version, "0") == 0;
}

static void answer_for_module(const char *folder, const struct amd_sp_module *module, const uint8_t nonce[static 64],
                              amd_sp_answer_fn *answer, void *context)
{
    uint8_t run[64 + sizeof(module->manifest)], digest[64];
    memcpy(run, nonce, 64);
    memcpy(run + 64, module->manifest, module->len);
    if (EVP_Digest(run, 64 + module->len, digest, NULL, EVP_sha512(), NULL) != 1)
        exit(1);
    write_text(folder, "generation", "4\n");
    write_file(folder, "manifestblob", module->manifest, module->len);
    answer(context, folder, digest, 0, false);
}

static void remove_folder(const char *folder)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char path[PATH_MAX + NAME_MAX];
        if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) < sizeof(path) && e->d_name[0] != '.')
            unlink(path);
    }
    if (d != NULL)
        closedir(d);
    rmdir(folder);
}

static void look_at(const char *folder, const struct amd_sp_module *module, amd_sp_answer_fn *answer, void *context)
{
    uint8_t report_data[64];
    char privlevel[16] = "", generation[8];
    time_t since;
    if (exists(folder, "outblob", &since)) {
        if (time(NULL) - since > KEEP_SECONDS)
            remove_folder(folder);
        return;
    }
    if (!exists(folder, "provider", &since)) {
        write_text(folder, "privlevel_floor", module != NULL ? "2\n" : "0\n");
        write_text(folder, "provider", "sev_guest\n");
    }
    if (read_file(folder, "inblob", report_data, sizeof(report_data)) != sizeof(report_data))
        return;
    if (module != NULL && asks_module(folder)) {
        answer_for_module(folder, module, report_data, answer, context);
        return;
    }
    bool chosen = read_file(folder, "privlevel", privlevel, sizeof(privlevel) - 1) > 0;
    snprintf(generation, sizeof(generation), "%d\n", chosen ? 2 : 1); /* the writes so far */
    write_text(folder, "generation", generation);
    answer(context, folder, report_data, module != NULL && !chosen ? 2 : (uint32_t)strtoul(privlevel, NULL, 10), true);
}

_Noreturn void amd_sp_serve(const char *root, const struct amd_sp_module *module, amd_sp_answer_fn *answer, void *context)
{
    char reports[PATH_MAX / 2];
    snprintf(reports, sizeof(reports), "%s/report", root);
    if ((mkdir(root, 0700) != 0 && errno != EEXIST) || (mkdir(reports, 0700) != 0 && errno != EEXIST)) {
        perror(reports);
        exit(1);
    }
    for (;;) {
        DIR *d = opendir(reports);
        for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
            char folder[PATH_MAX];
            if (e->d_name[0] != '.' && (size_t)snprintf(folder, sizeof(folder), "%s/%s", reports, e->d_name) < sizeof(folder))
                look_at(folder, module, answer, context);
        }
        if (d != NULL)
            closedir(d);
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
}
