/* SPDX-License-Identifier: GPL-2.0-or-later */
/* piix4_pm_pci.h: the power-management function, 00:01.3: config space only. */
#ifndef DOMUS_DEV_PIIX4_PM_PCI_H
#define DOMUS_DEV_PIIX4_PM_PCI_H

#include "dev/pci/pci.h"

struct pci_device *piix4_pm_pci_create(void); /* NULL without memory */

#endif
