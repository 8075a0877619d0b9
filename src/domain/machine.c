/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine.c: builds and runs the machine of one boot. See domain.h. */
#include "domain/domain.h"

#include "domain/channel.h"

int domain_machine_run(const struct domain_config *config, const struct domain_boot *boot,
                       struct domain_channel *channel)
{
    channel_failed(channel, "running a machine does not exist yet in domus");
    return 0;
}
