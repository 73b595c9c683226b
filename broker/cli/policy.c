/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey policy` and `latchkey reference`: documents checked here, signed, sent, and shown as they are kept. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "broker/cli/documents.h"
#include "broker/cli/remote.h"
#include "broker/cli/set.h"
#include "policy/document/document.h"

#define FILES_MAX 64

/* What differs between the two commands. */
struct subject {
    enum lk_cli_kind kind;
    const char *word; /* the object's kind in queries */
    enum lk_change_kind set, del;
    lk_result (*render)(struct lk_bytes message, struct lk_buf *out);
};

static const struct subject policies = {LK_CLI_POLICY, "policy", LK_CHANGE_POLICY_SET, LK_CHANGE_POLICY_DELETE,
                                        lk_document_render_policy};
static const struct subject references = {LK_CLI_REFERENCE, "reference", LK_CHANGE_REFERENCE_SET,
                                          LK_CHANGE_REFERENCE_DELETE, lk_document_render_reference};

/* Every file is read, so that all errors show; the first failure is the result. */
static lk_result load(struct lk_cli_documents *d, enum lk_cli_kind kind, char *const *files, int n)
{
    lk_result first = LK_OK;
    for (int i = 0; i < n; i++) {
        lk_result r = lk_cli_documents_add(d, kind, files[i]);
        if (lk_ok(first))
            first = r;
    }
    return first;
}

static int check(const struct subject *s, int argc, char **argv)
{
    static const struct option options[] = {{"reference", required_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'}, {0}};
    char *records[FILES_MAX];
    int n_records = 0, opt;
    optind = 0;
    argv[0] = (char *)(uintptr_t)"latchkey"; /* who speaks in getopt's messages */
    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (opt == 'h')
            return printf("usage: latchkey %s check [--reference FILE]... FILE...\n", s->word) < 0;
        if (opt != 'r' || n_records == FILES_MAX)
            return lk_cli_usage("usage: latchkey %s check [--reference FILE]... FILE...", s->word);
        records[n_records++] = optarg;
    }
    if (optind == argc)
        return lk_cli_usage("%s check: a file is needed", s->word);
    LK_DOCUMENTS_AUTO d = {.set = NULL};
    lk_result r = lk_cli_documents_open(&d);
    lk_result known = lk_ok(r) ? load(&d, LK_CLI_REFERENCE, records, n_records) : r;
    size_t before = d.n;
    r = lk_ok(r) ? load(&d, s->kind, argv + optind, argc - optind) : r;
    if (lk_ok(r))
        r = known;
    if (lk_ok(r))
        r = lk_cli_documents_finish(&d);
    for (size_t i = before; lk_ok(r) && i < d.n; i++)
        printf("%s %s: ok\n", s->word, d.objects[i].name);
    return lk_class_exit(lk_class_of(r));
}

/* All objects of the files in one change: all apply or none does. */
static lk_result submit(struct lk_remote *remote, const struct subject *s, const struct lk_cli_documents *d,
                        struct lk_change_done *done)
{
    struct lk_change_item items[LK_ENVELOPE_ITEMS_MAX];
    LK_REQUIRE(d->n <= LK_ENVELOPE_ITEMS_MAX, POLICY_LIMIT);
    LK_TRY(lk_remote_open(remote));
    for (size_t i = 0; i < d->n; i++) {
        items[i] = (struct lk_change_item){s->set, d->objects[i].name, 0, lk_buf_bytes(&d->objects[i].message)};
        LK_TRY(lk_admin_revision(remote->admin, s->word, items[i].object, &items[i].revision));
    }
    return lk_admin_change(remote->admin, items, d->n, done);
}

static void print_applied(const struct lk_remote *remote, const struct subject *s, const struct lk_cli_documents *d,
                          const struct lk_change_done *done)
{
    for (size_t i = 0; i < d->n; i++) {
        unsigned long long revision = done->revisions[i];
        if (remote->json)
            printf("{\"kind\": \"%s\", \"name\": \"%s\", \"revision\": %llu, \"change\": %llu, \"generation\": %llu}\n", s->word,
                   d->objects[i].name, revision, (unsigned long long)done->index, (unsigned long long)done->generation);
        else
            printf("%s %s: revision %llu, change %llu, generation %llu\n", s->word, d->objects[i].name, revision,
                   (unsigned long long)done->index, (unsigned long long)done->generation);
    }
}

static int apply(const struct subject *s, const char *verb, int argc, char **argv)
{
    LK_REMOTE_AUTO remote = {0};
    struct lk_change_done done;
    char usage[64];
    int code;
    snprintf(usage, sizeof(usage), "%s %s FILE", s->word, verb);
    if (!lk_remote_args(&remote, argc, argv, NULL, 0, usage, &code))
        return code;
    if (remote.name == NULL)
        return lk_cli_usage("%s %s: a file is needed", s->word, verb);
    LK_DOCUMENTS_AUTO d = {.set = NULL};
    char *file = (char *)(uintptr_t)remote.name;
    lk_result r = lk_cli_documents_open(&d);
    if (lk_ok(r))
        r = load(&d, s->kind, &file, 1);
    if (!lk_ok(r))
        return lk_class_exit(lk_class_of(r));
    r = submit(&remote, s, &d, &done);
    if (!lk_ok(r))
        return lk_admin_fail(remote.admin, r, "%s %s %s", s->word, verb, file);
    print_applied(&remote, s, &d, &done);
    return 0;
}

static lk_result get(struct lk_remote *remote, const struct subject *s, struct lk_buf *text)
{
    const Latchkey__V1__QueryResult *result = NULL;
    char object[256];
    snprintf(object, sizeof(object), "%s/%s", s->word, remote->name);
    LK_TRY(lk_remote_open(remote));
    LK_TRY(lk_admin_query(remote->admin, LK_QUERY_GET, object, NULL, &result));
    return s->render(lk_bytes(result->payload.data, result->payload.len), text);
}

/* The document that the file compiles to, as it would be shown after it was applied. */
static lk_result render_file(const struct subject *s, const char *file, struct lk_buf *text)
{
    LK_DOCUMENTS_AUTO d = {.set = NULL};
    char *files[] = {(char *)(uintptr_t)file};
    LK_TRY(lk_cli_documents_open(&d));
    LK_TRY(load(&d, s->kind, files, 1));
    for (size_t i = 0; i < d.n; i++) {
        if (i > 0)
            lk_put_fmt(text, "---\n");
        LK_TRY(s->render(lk_buf_bytes(&d.objects[i].message), text));
    }
    return LK_OK;
}

/* The document stays the YAML that it is, as a string. */
static int print_document(const struct subject *s, bool json, const struct lk_buf *text)
{
    if (!json)
        return fwrite(text->data, 1, text->len, stdout) == text->len ? 0 : lk_class_exit(LK_CLASS_INTERNAL);
    json_t *o = json_pack("{s:s, s:s%}", "kind", s->word, "document", (const char *)text->data, text->len);
    int failed = o == NULL || json_dumpf(o, stdout, JSON_INDENT(2)) != 0;
    putchar('\n');
    json_decref(o);
    return failed ? lk_class_exit(LK_CLASS_INTERNAL) : 0;
}

static int show(const struct subject *s, int argc, char **argv)
{
    LK_REMOTE_AUTO remote = {0};
    const char *file = NULL;
    const struct lk_remote_option extra[] = {{"file", &file, NULL, " FILE: one that is not sent yet"}};
    char usage[64];
    int code;
    snprintf(usage, sizeof(usage), "%s show (NAME | --file FILE)", s->word);
    if (!lk_remote_args(&remote, argc, argv, extra, 1, usage, &code))
        return code;
    if ((remote.name == NULL) == (file == NULL))
        return lk_cli_usage("usage: latchkey %s", usage);
    LK_BUF_AUTO text = lk_buf(16u << 20);
    lk_result r = file != NULL ? render_file(s, file, &text) : get(&remote, s, &text);
    if (!lk_ok(r))
        return lk_admin_fail(remote.admin, r, "%s show %s", s->word, file != NULL ? file : remote.name);
    return print_document(s, remote.json, &text);
}

static int list(const struct subject *s, int argc, char **argv)
{
    LK_REMOTE_AUTO remote = {0};
    char usage[64];
    int code;
    snprintf(usage, sizeof(usage), "%s list [PREFIX]", s->word);
    if (!lk_remote_args(&remote, argc, argv, NULL, 0, usage, &code))
        return code;
    return lk_remote_list(&remote, s->word, remote.name);
}

static int delete(const struct subject *s, int argc, char **argv)
{
    LK_REMOTE_AUTO remote = {0};
    char usage[64];
    int code;
    snprintf(usage, sizeof(usage), "%s delete NAME", s->word);
    if (!lk_remote_args(&remote, argc, argv, NULL, 0, usage, &code))
        return code;
    if (remote.name == NULL)
        return lk_cli_usage("%s delete: a name is needed", s->word);
    return lk_remote_delete(&remote, s->del, s->word, remote.name);
}

#define VERB(name, call)                 \
    static int name(int argc, char **argv)        \
    {                                             \
        return call;                              \
    }
VERB(policy_check, check(&policies, argc, argv))
VERB(policy_apply, apply(&policies, "apply", argc, argv))
VERB(policy_show, show(&policies, argc, argv))
VERB(policy_list, list(&policies, argc, argv))
VERB(policy_delete, delete(&policies, argc, argv))
VERB(reference_check, check(&references, argc, argv))
VERB(reference_add, apply(&references, "add", argc, argv))
VERB(reference_show, show(&references, argc, argv))
VERB(reference_list, list(&references, argc, argv))
VERB(reference_delete, delete(&references, argc, argv))

int lk_cmd_policy(int argc, char **argv)
{
    static const struct lk_command verbs[] = {
        {"check", "[--reference FILE]... FILE...: errors with file, line and column; nothing is sent", policy_check},
        {"apply", "FILE: checks, signs and sends; live when a verifier has loaded it", policy_apply},
        {"show", "NAME | --file FILE: the policy, rendered from the signed bytes", policy_show},
        {"list", "[PREFIX]", policy_list},
        {"delete", "NAME", policy_delete},
    };
    return lk_cli_dispatch("latchkey policy", verbs, sizeof(verbs) / sizeof(*verbs), argc, argv);
}

int lk_cmd_reference(int argc, char **argv)
{
    static const struct lk_command verbs[] = {
        {"check", "FILE...: errors with file, line and column; nothing is sent", reference_check},
        {"make", "--id ID --group GROUP (--from APPRAISAL | --pcrs FILE): a record of what a good machine shows", lk_reference_make},
        {"add", "FILE: checks, signs and sends; all records of the file in one change", reference_add},
        {"show", "ID | --file FILE", reference_show},
        {"list", "[PREFIX]", reference_list},
        {"delete", "ID", reference_delete},
        {"set", "large sets of files: make, put, show, list, delete, diff", lk_reference_set},
        {"import", "--keylime FILE [--key PEM] --name NAME --out FILE: a runtime policy as a set and rules", lk_reference_import},
    };
    return lk_cli_dispatch("latchkey reference", verbs, sizeof(verbs) / sizeof(*verbs), argc, argv);
}
