import { ALL, KNOWN, NOBODY, type Row, testRows } from '../../test/helpers/decision-rows.ts'
import { NODE01, STRANGER, world } from '../../test/helpers/world.ts'

const NO_PI =
  "no boot files for a Raspberry Pi: config.txt, bootcode.bin or boot.img is missing in /usr/lib/ipxe; UEFI for the model, or its system's boot folder, has them"

const OTHERS: readonly Row[] = [
  {
    name: 'X29: a Raspberry Pi is pointed to its own names, where they are on disk',
    in: world().firmware('config.txt', 'start4.elf'),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', arch: 'bios-x86', firmware: 'raspberry-pi' }),
    action: 'boot-file config.txt over tftp as raspberry-pi',
    steps: [NOBODY, ALL, "loader.select config: the Raspberry Pi's own names over tftp, config.txt first"],
  },
  {
    name: 'a Raspberry Pi without its files is never given a loader for BIOS',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', arch: 'bios-x86', firmware: 'raspberry-pi' }),
    action: `no-boot ${NO_PI}`,
    steps: [NOBODY, ALL, 'loader.select config: no boot files for a Raspberry Pi'],
  },
  {
    name: 'GRUB is told its server',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', firmware: 'grub' }),
    action: 'no-boot GRUB asks for an address and its server, next server',
    steps: [NOBODY, ALL, 'loader.select config: GRUB asks for an address and its server'],
  },
  {
    name: 'ONIE installs nothing unless told',
    in: world().labNodes(),
    ask: (w) => w.asksDhcp(NODE01, { stage: 'rom', firmware: 'onie', transport: 'http' }),
    action: 'no-boot ONIE gets an installer only where a node or profile names one, loader: { onie: FILE }',
    steps: [
      KNOWN,
      ALL,
      'loader.select config: ONIE gets an installer only where a node or profile names one, loader: { onie: FILE }',
    ],
  },
  {
    name: 'ONIE gets the installer that its node names',
    in: world()
      .node('sw1', NODE01, { loader: { onie: 'onie-installer' } })
      .firmware('onie-installer'),
    ask: (w) => w.asksDhcp(NODE01, { stage: 'rom', firmware: 'onie', transport: 'http' }),
    action: 'boot-file onie-installer over http http://10.77.0.1:8080/firmware/onie-installer as onie',
    steps: [
      'node.match inventory: sw1 by mac',
      ALL,
      'loader.select inventory: onie-installer over http (node sw1)',
    ],
  },
  {
    name: 'petitboot gets the configuration that its node names, by URL',
    in: world()
      .node('p9', NODE01, { loader: { 'ppc-opal': 'p9.cfg' } })
      .firmware('p9.cfg'),
    ask: (w) => w.asksDhcp(NODE01, { stage: 'rom', arch: 'ppc-opal', firmware: 'petitboot' }),
    action: 'boot-file p9.cfg over http http://10.77.0.1:8080/firmware/p9.cfg as petitboot',
    steps: ['node.match inventory: p9 by mac', ALL, 'loader.select inventory: p9.cfg over http (node p9)'],
  },
  {
    name: 'U-Boot gets the file that its profile names',
    in: world()
      .node('sbc', NODE01, { profile: 'worker' })
      .profile('worker', { loader: { 'uboot-arm64': 'boot.scr' } })
      .firmware('boot.scr'),
    ask: (w) => w.asksDhcp(NODE01, { stage: 'rom', arch: 'uboot-arm64', firmware: 'u-boot' }),
    action: 'boot-file boot.scr over tftp as u-boot',
    steps: [
      'node.match inventory: sbc by mac',
      ALL,
      'loader.select config: boot.scr over tftp (profile worker)',
    ],
  },
  {
    name: 'a Raspberry Pi knows no name but its own, whatever its node says',
    in: world()
      .firmware('config.txt', 'my.efi')
      .node('pi', STRANGER, { loader: { 'arm-rpiboot': 'my.efi' } }),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', arch: 'arm-rpiboot', firmware: 'raspberry-pi' }),
    action: 'boot-file config.txt over tftp as raspberry-pi',
    steps: [
      ...['node.match inventory: pi by mac', ALL],
      "loader.override inventory: node pi says my.efi, but a Raspberry Pi's ROM asks for names of its own",
      "loader.select config: the Raspberry Pi's own names over tftp, config.txt first",
    ],
  },
  {
    name: 'U-Boot without option 93 gets the file that its node names without an architecture',
    in: world().firmware('boot.scr').node('sbc', STRANGER, { loader: 'boot.scr' }),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', firmware: 'u-boot' }),
    action: 'boot-file boot.scr over tftp as u-boot',
    steps: [
      'node.match inventory: sbc by mac',
      ALL,
      'loader.select inventory: boot.scr over tftp (node sbc)',
    ],
  },
  {
    name: 'U-Boot for which no loader is named is told its server, where it asks for names of its own',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', arch: 'uboot-arm64', firmware: 'u-boot' }),
    action:
      'no-boot no loader for uboot-arm64: a node or profile can name one, loader: { uboot-arm64: FILE }, next server',
    steps: [NOBODY, ALL, 'loader.select config: no loader for uboot-arm64'],
  },
]

testRows('where other firmware goes next', OTHERS)
