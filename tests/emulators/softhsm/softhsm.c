/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/emulators/softhsm/softhsm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool softhsm_present(void)
{
    return access(SOFTHSM_MODULE, R_OK) == 0 && system("command -v softhsm2-util >/dev/null") == 0;
}

void softhsm_use(const struct softhsm *h)
{
    setenv("SOFTHSM2_CONF", h->conf, 1);
}

static bool write_conf(const struct softhsm *h)
{
    FILE *f = fopen(h->conf, "w");
    if (f == NULL)
        return false;
    fprintf(f, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", h->tokens);
    return fclose(f) == 0;
}

static bool make_folder(struct softhsm *h)
{
    snprintf(h->dir, sizeof(h->dir), "/tmp/latchkey-softhsm-XXXXXX");
    if (mkdtemp(h->dir) == NULL)
        return false;
    snprintf(h->conf, sizeof(h->conf), "%s/softhsm2.conf", h->dir);
    snprintf(h->tokens, sizeof(h->tokens), "%s/tokens", h->dir);
    if (!write_conf(h))
        return false;
    softhsm_use(h);
    return true;
}

bool softhsm_start(struct softhsm *h)
{
    return make_folder(h) && mkdir(h->tokens, 0700) == 0 &&
           system("softhsm2-util --init-token --free --label " SOFTHSM_LABEL " --so-pin 12345678 --pin " SOFTHSM_PIN
                  " >/dev/null 2>&1") == 0;
}

bool softhsm_copy(const struct softhsm *from, struct softhsm *to)
{
    char command[256];
    if (!make_folder(to))
        return false;
    snprintf(command, sizeof(command), "cp -a %s %s", from->tokens, to->tokens);
    return system(command) == 0;
}

void softhsm_stop(struct softhsm *h)
{
    char command[128];
    if (strncmp(h->dir, "/tmp/latchkey-softhsm-", 22) != 0)
        return;
    snprintf(command, sizeof(command), "rm -rf %s", h->dir);
    if (system(command) != 0)
        fprintf(stderr, "left behind: %s\n", h->dir);
}

lk_result softhsm_open(struct lk_token *t, struct lk_session *s, const char *module, const char *pin)
{
    LK_SECRET_AUTO secret = {0};
    LK_TRY(lk_secret_copy(&secret, lk_bytes_str(pin)));
    LK_TRY(lk_token_open(t, module, SOFTHSM_LABEL, &secret));
    return lk_session_open(s, t);
}
