/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SVSM_MANIFEST_H
#define LK_SVSM_MANIFEST_H
/*
 * Service manifests (AMD publication 58019, "Attestation Protocol"):
 *
 *   one service   the vTPM's manifest, version 0: the TPMT_PUBLIC of its EK
 *   all services  GUID 63849ebb-3d92-4670-a1ff-58f9c94b87bb, u32 length of the whole, u32 count; for each service GUID,
 *                 u32 offset from the manifest's beginning, u32 length; then the services' manifests. Little-endian, GUIDs
 *                 with their first three fields little-endian.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#define LK_SVSM_MANIFEST_MAX 16384
#define LK_SVSM_SERVICES_MAX 32

struct lk_svsm_manifest {
    bool all_services;
    struct lk_bytes vtpm; /* the vTPM's own manifest */
};

/*
 * Which form it is its first bytes tell; no second reading is tried. Borrows from the input. SVSM_MANIFEST when lengths,
 * offsets or the count do not fit; SVSM_NO_VTPM when the services are others, or the vTPM is listed twice.
 */
LK_MUST_USE lk_result lk_svsm_manifest_read(struct lk_bytes in, struct lk_svsm_manifest *out);

#endif
