/* SPDX-License-Identifier: Apache-2.0
 * status.c: codes, names, texts, fates: one table. */
#include "dataflow.h"

static const struct row {
    int status;
    const char *name, *text;
    int fate;
} rows[] = {
    {DF_OK, "DF_OK", "done", DF_FATE_NONE},
    {DF_AGAIN, "DF_AGAIN", "nothing yet", DF_FATE_NONE},
    {DF_DONE, "DF_DONE", "nothing ever again", DF_FATE_NONE},
    {DF_DROP, "DF_DROP", "filtered", DF_FATE_NONE},
    {DF_PENDING, "DF_PENDING", "accepted, not yet durable", DF_FATE_NONE},
    {DF_ABSORBED, "DF_ABSORBED", "accepted and copied, not yet durable", DF_FATE_NONE},
    {DF_MORE, "DF_MORE", "more to come", DF_FATE_NONE},
    {DF_EIO, "DF_EIO", "the connection failed", DF_FATE_RETRY},
    {DF_ETIMEOUT, "DF_ETIMEOUT", "no answer in time", DF_FATE_RETRY},
    {DF_EUNKNOWN, "DF_EUNKNOWN", "the outcome is unknown", DF_FATE_RESOLVE},
    {DF_EDATA, "DF_EDATA", "the data was refused", DF_FATE_REJECT},
    {DF_ETOOBIG, "DF_ETOOBIG", "too large to send at once", DF_FATE_SPLIT},
    {DF_EREWIND, "DF_EREWIND", "accepted records were lost", DF_FATE_REWIND},
    {DF_EFENCED, "DF_EFENCED", "another owner took over", DF_FATE_RELEASE},
    {DF_EAUTH, "DF_EAUTH", "the credentials were refused", DF_FATE_RETRY},
    {DF_ENOMEM, "DF_ENOMEM", "no memory", DF_FATE_STOP},
    {DF_EINVAL, "DF_EINVAL", "wrong argument", DF_FATE_STOP},
    {DF_ESTATE, "DF_ESTATE", "not possible in this state", DF_FATE_STOP},
    {DF_ENOTFOUND, "DF_ENOTFOUND", "not found", DF_FATE_STOP},
    {DF_EEXISTS, "DF_EEXISTS", "exists already", DF_FATE_STOP},
    {DF_ESPEC, "DF_ESPEC", "the manifest is wrong", DF_FATE_STOP},
    {DF_ENOTSUP, "DF_ENOTSUP", "not supported", DF_FATE_STOP},
    {DF_ECANCELED, "DF_ECANCELED", "canceled", DF_FATE_STOP},
    {DF_EREJECTED, "DF_EREJECTED", "a record was refused", DF_FATE_STOP},
    {DF_ETEMPORARY, "DF_ETEMPORARY", "gave up for now", DF_FATE_STOP},
    {DF_EINTERNAL, "DF_EINTERNAL", "a fault in the library or a stage", DF_FATE_STOP},
};

static const struct row *find(int status)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status)
            return &rows[i];
    return NULL;
}

int df_version(void)
{
    return DF_VERSION;
}

const char *df_version_string(void)
{
    return "0.1.0";
}

const char *df_status_name(int status)
{
    const struct row *r = find(status);
    return r ? r->name : "DF_UNKNOWN_STATUS";
}

const char *df_status_text(int status)
{
    const struct row *r = find(status);
    return r ? r->text : "unknown status";
}

int df_status_fate(int status)
{
    const struct row *r = find(status);
    if (r)
        return r->fate;
    return status < 0 ? DF_FATE_STOP : DF_FATE_NONE;
}

int df_status_at(size_t index, int *ret_status)
{
    if (index >= sizeof rows / sizeof *rows)
        return DF_DONE;
    *ret_status = rows[index].status;
    return DF_OK;
}
