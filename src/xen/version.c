/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * version.c: what Xen says about itself: xen_version's sub-operations and the CPUID leaves. The values are those of
 * Debian 12's Xen 4.17 as its guests see them. (public/version.h, public/features.h, arch-x86/cpuid.h.)
 */
#include "xen/domain.h"

#include "base/bytes.h"

#include <string.h>
#include <xen/features.h>
#include <xen/version.h>

/*
 * Deviation: no hvm_pirqs. Interrupts of emulated devices then stay on the IOAPIC and MSI, as on a plain PC, which
 * every guest can do; Xen's own domUs have it on.
 */
#define FEATURES                                                                                                      \
    (1u << XENFEAT_writable_page_tables | 1u << XENFEAT_auto_translated_physmap | 1u << XENFEAT_hvm_callback_vector | \
     1u << XENFEAT_hvm_safe_pvclock | 1u << XENFEAT_memory_op_vnode_supported | 1u << XENFEAT_not_direct_mapped)

#define LEAF_LAST 5u
/* Leaf 4: vCPU id in EBX (3), domid in ECX (4), IOMMU mappings work (2), per-vCPU upcall vector (6). */
#define LEAF4_FLAGS 0x5cu

static int64_t version_string(struct xen_call *c, const char *text, size_t size)
{
    char buffer[1024] = {0};

    memcpy(buffer, text, strlen(text));
    return call_copy_out(c, c->arg[1], buffer, size) ? 0 : -XEN_EFAULT;
}

static int64_t version_compile_info(struct xen_call *c)
{
    struct xen_compile_info info = {.compiler = "gcc " __VERSION__, .compile_by = "domus"};

    return call_copy_out(c, c->arg[1], &info, sizeof info) ? 0 : -XEN_EFAULT;
}

static int64_t version_platform_parameters(struct xen_call *c)
{
    uint64_t virt_start = c->compat ? 0xf5800000ull : 0xffff800000000000ull;

    return call_copy_out(c, c->arg[1], &virt_start, c->compat ? 4 : 8) ? 0 : -XEN_EFAULT;
}

static int64_t version_features(struct xen_call *c)
{
    struct xen_feature_info info;

    if (!call_copy_in(c, &info, c->arg[1], sizeof info))
        return -XEN_EFAULT;
    if (info.submap_idx >= XENFEAT_NR_SUBMAPS)
        return -XEN_EINVAL;
    info.submap = FEATURES;
    return call_copy_out(c, c->arg[1], &info, sizeof info) ? 0 : -XEN_EFAULT;
}

int64_t version_op(struct xen_call *c)
{
    switch (c->arg[0]) {
    case XENVER_version: return XEN_VERSION_MAJOR << 16 | XEN_VERSION_MINOR;
    case XENVER_extraversion: return version_string(c, XEN_EXTRAVERSION, sizeof(xen_extraversion_t));
    case XENVER_compile_info: return version_compile_info(c);
    case XENVER_capabilities:
        return version_string(c, "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ",
                              sizeof(xen_capabilities_info_t));
    case XENVER_changeset: return version_string(c, "", sizeof(xen_changeset_info_t));
    case XENVER_platform_parameters: return version_platform_parameters(c);
    case XENVER_get_features: return version_features(c);
    case XENVER_pagesize: return PAGE_BYTES;
    case XENVER_guest_handle:
        return call_copy_out(c, c->arg[1], c->d->config.uuid, sizeof c->d->config.uuid) ? 0 : -XEN_EFAULT;
    case XENVER_commandline: return version_string(c, "<denied>", sizeof(xen_commandline_t));
    case XENVER_build_id: return -XEN_EPERM;
    default: return -XEN_ENOSYS;
    }
}

static void cpuid_time(struct xen_domain *d, uint32_t subleaf, uint32_t out[4])
{
    switch (subleaf) {
    case 0:
        out[0] = d->config.rdtscp ? 4u : 0u;
        out[1] = d->config.tsc_mode;
        out[2] = d->tsc_khz;
        out[3] = 1; /* incarnation: set once, at creation */
        break;
    case 1:
        out[2] = d->tsc_mul;
        out[3] = (uint32_t)(int32_t)d->tsc_shift;
        break;
    case 2: out[0] = d->tsc_khz; break;
    default: break;
    }
}

bool xen_cpuid(struct xen_domain *d, unsigned vcpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    if (leaf >> 28 != XEN_CPUID_BASE >> 28)
        return false;
    memset(out, 0, 4 * sizeof out[0]);
    switch (leaf - XEN_CPUID_BASE) {
    case 0:
        out[0] = XEN_CPUID_BASE + LEAF_LAST;
        memcpy(out + 1, "XenVMMXenVMM", 12);
        break;
    case 1: out[0] = XEN_VERSION_MAJOR << 16 | XEN_VERSION_MINOR; break;
    case 2:
        out[0] = 1; /* hypercall pages */
        out[1] = XEN_MSR_HYPERCALL;
        break;
    case 3: cpuid_time(d, subleaf, out); break;
    case 4:
        if (subleaf == 0) {
            out[0] = LEAF4_FLAGS;
            out[1] = vcpu;
            out[2] = d->config.domid;
        }
        break;
    default: break;
    }
    return true;
}
