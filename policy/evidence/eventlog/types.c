/* SPDX-License-Identifier: Apache-2.0 */
/* Event types and the PCRs they belong to: PC Client Platform Firmware Profile 1.05, sections 3.3.4 and 10.4.1. */
#include "policy/evidence/eventlog/log.h"

#define P(n) (1u << (n))
#define FIRMWARE 0x7fu     /* 0 to 6: PCR 7 takes only what is named for it */
#define SYSTEM 0xfb00u     /* 8, 9, 11 to 15: boot loader and system; 10 is IMA's */
#define ANY 0xffffffu

static const struct {
    uint32_t type, pcrs;
    const char *name;
} types[] = {
    {0x00000001, P(0), "EV_POST_CODE"},
    {0x00000003, ANY, "EV_NO_ACTION"},
    {0x00000004, 0xff | SYSTEM, "EV_SEPARATOR"},
    {0x00000005, FIRMWARE, "EV_ACTION"},
    {0x00000006, P(1) | P(2) | P(3) | P(5) | P(6) | SYSTEM, "EV_EVENT_TAG"},
    {0x00000007, P(0), "EV_S_CRTM_CONTENTS"},
    {0x00000008, P(0), "EV_S_CRTM_VERSION"},
    {0x00000009, P(0) | P(1), "EV_CPU_MICROCODE"},
    {0x0000000a, FIRMWARE, "EV_PLATFORM_CONFIG_FLAGS"},
    {0x0000000b, P(1), "EV_TABLE_OF_DEVICES"},
    {0x0000000c, P(4) | P(5) | SYSTEM, "EV_COMPACT_HASH"},
    {0x0000000d, P(4) | P(5) | SYSTEM, "EV_IPL"},
    {0x0000000e, P(5), "EV_IPL_PARTITION_DATA"},
    {0x0000000f, P(0) | P(2), "EV_NONHOST_CODE"},
    {0x00000010, P(1) | P(3), "EV_NONHOST_CONFIG"},
    {0x00000011, P(0), "EV_NONHOST_INFO"},
    {0x00000012, P(4), "EV_OMIT_BOOT_DEVICE_EVENTS"},
    {0x00000013, P(0), "EV_POST_CODE2"},
    {0x80000001, P(1) | P(3) | P(5) | P(7), "EV_EFI_VARIABLE_DRIVER_CONFIG"},
    {0x80000002, P(1) | P(5), "EV_EFI_VARIABLE_BOOT"},
    {0x80000003, P(2) | P(4), "EV_EFI_BOOT_SERVICES_APPLICATION"},
    {0x80000004, P(0) | P(2), "EV_EFI_BOOT_SERVICES_DRIVER"},
    {0x80000005, P(0) | P(2) | P(4), "EV_EFI_RUNTIME_SERVICES_DRIVER"},
    {0x80000006, P(5), "EV_EFI_GPT_EVENT"},
    {0x80000007, 0xff, "EV_EFI_ACTION"},
    {0x80000008, P(0) | P(2) | P(4), "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
    {0x80000009, P(1), "EV_EFI_HANDOFF_TABLES"},
    {0x8000000a, P(0) | P(2) | P(4), "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
    {0x8000000b, P(1), "EV_EFI_HANDOFF_TABLES2"},
    {0x8000000c, P(1), "EV_EFI_VARIABLE_BOOT2"},
    {0x8000000d, P(5), "EV_EFI_GPT_EVENT2"},
    {0x80000010, P(0), "EV_EFI_HCRTM_EVENT"},
    {0x800000e0, P(7), "EV_EFI_VARIABLE_AUTHORITY"},
    {0x800000e1, P(2), "EV_EFI_SPDM_FIRMWARE_BLOB"},
    {0x800000e2, P(3), "EV_EFI_SPDM_FIRMWARE_CONFIG"},
    {0x800000e3, P(7), "EV_EFI_SPDM_DEVICE_POLICY"},
    {0x800000e4, P(7), "EV_EFI_SPDM_DEVICE_AUTHORITY"},
};

/* PCRs whose part an RTMR takes (UEFI 2.10, section 38.4.1); Boot#### variables are met in RTMR1 too. */
static const uint32_t rtmr_pcrs[] = {P(0) | P(1) | P(7), P(1) | P(2) | P(3) | P(4) | P(5) | P(6), 0xff00};

const char *lk_tcg_type_name(uint32_t type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (types[i].type == type)
            return types[i].name;
    return NULL;
}

/* The PCRs that take the type; none for a type that is not in the table. */
static uint32_t pcrs_of(uint32_t type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (types[i].type == type)
            return types[i].pcrs;
    return 0;
}

bool lk_tcg_type_belongs(uint32_t type, uint32_t pcr)
{
    return type == LK_TCG_NO_ACTION || (pcr < 24 && (pcrs_of(type) & P(pcr)) != 0);
}

bool lk_tcg_type_belongs_rtmr(uint32_t type, uint32_t rtmr)
{
    if (rtmr >= sizeof(rtmr_pcrs) / sizeof(rtmr_pcrs[0]))
        return true;
    return type == LK_TCG_NO_ACTION || (pcrs_of(type) & rtmr_pcrs[rtmr]) != 0;
}
