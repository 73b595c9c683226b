/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/token/facts.h"

#include "proto/seal/answer.h"

#include <ctype.h>
#include <string.h>

enum { TEXT = 33, HEX = 1200 };

/* Padded fields of the token's own making: anything but plain characters is shown as '?'. */
static const char *padded(const CK_UTF8CHAR *field, size_t n, char out[static TEXT])
{
    while (n > 0 && (field[n - 1] == ' ' || field[n - 1] == 0))
        n--;
    for (size_t i = 0; i < n; i++)
        out[i] = isalnum(field[i]) || strchr(" ._-+:/", field[i]) != NULL ? (char)field[i] : '?';
    out[n] = 0;
    return out;
}

static void hex_field(FILE *f, const char *name, struct lk_bytes value)
{
    char hex[HEX];
    lk_hex(value, hex, sizeof(hex));
    fprintf(f, "  \"%s\": \"%s\",\n", name, hex);
}

static void suites_field(FILE *f, const struct lk_token_traits *t)
{
    fprintf(f, "  \"suites\": [");
    for (size_t i = 0; i < 4 && t->suites[i] != LK_SUITE_NONE; i++)
        fprintf(f, "%s\"%s\"", i == 0 ? "" : ", ", lk_suite_name(t->suites[i]));
    fprintf(f, "],\n");
}

static void installation_fields(FILE *f, const struct lk_token_info *info)
{
    uint8_t id[32];
    hex_field(f, "installation_id", LK_BYTES(info->installation_id));
    if (lk_ok(lk_broker_id(info->installation_key, id)))
        hex_field(f, "broker_id", LK_BYTES(id));
    hex_field(f, "installation_key", info->installation_key);
    hex_field(f, "import_key", info->import_key);
    fprintf(f, "  \"import_suite\": \"%s\",\n", lk_suite_name(info->import_suite));
    fprintf(f, "  \"head_index\": %llu,\n", (unsigned long long)info->head.index);
    hex_field(f, "head_hash", LK_BYTES(info->head.hash));
}

static void token_info(struct lk_token *t, CK_TOKEN_INFO *info)
{
    memset(info, 0, sizeof(*info));
    if (t->module.f->C_GetTokenInfo(t->slot, info) != CKR_OK)
        memset(info, 0, sizeof(*info));
}

void lk_facts_json(FILE *f, struct lk_token *t, const struct lk_token_info *info)
{
    CK_TOKEN_INFO token;
    char a[TEXT], b[TEXT], c[TEXT];
    token_info(t, &token);
    fprintf(f, "{\n");
    fprintf(f, "  \"manufacturer\": \"%s\",\n", padded(token.manufacturerID, sizeof(token.manufacturerID), a));
    fprintf(f, "  \"model\": \"%s\",\n", padded(token.model, sizeof(token.model), b));
    fprintf(f, "  \"serial\": \"%s\",\n", padded(token.serialNumber, sizeof(token.serialNumber), c));
    fprintf(f, "  \"kwp_mechanism\": \"0x%lx\",\n", t->traits.kwp);
    fprintf(f, "  \"template_enforced\": %s,\n", t->traits.template_enforced ? "true" : "false");
    suites_field(f, &t->traits);
    if (info != NULL)
        installation_fields(f, info);
    fprintf(f, "  \"initialized\": %s\n}\n", info == NULL ? "false" : "true");
}

void lk_facts_text(FILE *f, struct lk_token *t, const struct lk_token_info *info)
{
    CK_TOKEN_INFO token;
    char a[TEXT], b[TEXT], hex[65];
    token_info(t, &token);
    fprintf(f, "token                %s %s\n", padded(token.manufacturerID, sizeof(token.manufacturerID), a),
            padded(token.model, sizeof(token.model), b));
    fprintf(f, "AES-KWP (RFC 5649)   mechanism 0x%lx\n", t->traits.kwp);
    for (size_t i = 0; i < 4 && t->traits.suites[i] != LK_SUITE_NONE; i++)
        fprintf(f, "in-token suite       %s\n", lk_suite_name(t->traits.suites[i]));
    fprintf(f, "unwrap templates     %s\n",
            t->traits.template_enforced ? "enforced" : "NOT ENFORCED: secrets can be taken out");
    if (info == NULL) {
        fprintf(f, "installation         none; latchkey init makes one\n");
        return;
    }
    lk_hex(LK_BYTES(info->installation_id), hex, sizeof(hex));
    fprintf(f, "installation         %s\n", hex);
    fprintf(f, "import suite         %s\n", lk_suite_name(info->import_suite));
    fprintf(f, "head of changes      %llu\n", (unsigned long long)info->head.index);
}
