/** What of a package goes into the image. Libraries follow by themselves. */
export interface Tool {
  /** Debian's name of the package. */
  readonly package: string
  /** Programs by the name they are called by. */
  readonly programs: readonly string[]
  /** Other files and folders, by absolute path. */
  readonly files?: readonly string[]
  /** Other names of programs. */
  readonly links?: Readonly<Record<string, string>>
}

/** Everything that is not busybox's, in the order of docs/rescue.md. */
export const TOOLS: readonly Tool[] = [
  { package: 'dropbear-bin', programs: ['dropbear', 'dropbearkey', 'dbclient'], links: { ssh: 'dbclient' } },
  // scp and sftp of OpenSSH 9 ask the other side for it.
  { package: 'openssh-sftp-server', programs: [], files: ['/usr/lib/openssh/sftp-server'] },
  { package: 'bash', programs: ['bash'] },
  {
    package: 'util-linux',
    programs: ['lsblk', 'blkid', 'wipefs', 'findmnt', 'blkdiscard', 'blockdev', 'fsfreeze'],
  },
  { package: 'fdisk', programs: ['fdisk', 'sfdisk', 'cfdisk'] },
  { package: 'mount', programs: ['mount', 'umount', 'losetup', 'swapon', 'swapoff'] },
  { package: 'parted', programs: ['parted', 'partprobe'] },
  {
    package: 'e2fsprogs',
    programs: ['e2fsck', 'mke2fs', 'tune2fs', 'resize2fs', 'dumpe2fs', 'debugfs'],
    links: { 'fsck.ext4': 'e2fsck', 'fsck.ext3': 'e2fsck', 'mkfs.ext4': 'mke2fs' },
  },
  { package: 'xfsprogs', programs: ['xfs_repair', 'mkfs.xfs', 'xfs_db', 'xfs_growfs', 'xfs_io'] },
  { package: 'btrfs-progs', programs: ['btrfs', 'mkfs.btrfs', 'btrfstune'], links: { btrfsck: 'btrfs' } },
  {
    package: 'dosfstools',
    programs: ['fsck.fat', 'mkfs.fat', 'fatlabel'],
    links: { 'fsck.vfat': 'fsck.fat', 'mkfs.vfat': 'mkfs.fat' },
  },
  {
    package: 'lvm2',
    programs: ['lvm'],
    links: Object.fromEntries(
      [
        ...['pvs', 'pvscan', 'pvcreate', 'pvresize', 'vgs', 'vgscan', 'vgchange', 'vgcreate', 'vgcfgrestore'],
        ...['lvs', 'lvscan', 'lvchange', 'lvcreate', 'lvextend', 'lvremove', 'lvdisplay', 'vgdisplay'],
      ].map((name) => [name, 'lvm']),
    ),
  },
  { package: 'dmsetup', programs: ['dmsetup'] },
  { package: 'mdadm', programs: ['mdadm'] },
  { package: 'cryptsetup-bin', programs: ['cryptsetup'] },
  { package: 'nvme-cli', programs: ['nvme'] },
  { package: 'smartmontools', programs: ['smartctl'] },
  { package: 'gddrescue', programs: ['ddrescue'] },
  { package: 'efibootmgr', programs: ['efibootmgr'] },
  { package: 'dmidecode', programs: ['dmidecode'] },
  { package: 'iproute2', programs: ['ip', 'ss', 'bridge', 'tc'] },
  { package: 'ethtool', programs: ['ethtool'] },
  { package: 'iputils-ping', programs: ['ping'] },
  { package: 'tcpdump', programs: ['tcpdump'] },
  { package: 'curl', programs: ['curl'] },
  { package: 'rsync', programs: ['rsync'] },
  { package: 'tar', programs: ['tar'] },
  { package: 'xz-utils', programs: ['xz'] },
  { package: 'zstd', programs: ['zstd'] },
  { package: 'vim-tiny', programs: ['vim.tiny'], links: { vim: 'vim.tiny' } },
  { package: 'nano', programs: ['nano'] },
  {
    package: 'ncurses-base',
    programs: [],
    files: ['ansi', 'dumb', 'linux', 'screen', 'screen-256color', 'tmux', 'tmux-256color']
      .concat(['vt100', 'vt102', 'vt220', 'xterm', 'xterm-256color'])
      .map((name) => `/lib/terminfo/${name.charAt(0)}/${name}`),
  },
]

/** glibc opens it by name when a thread ends (pthread_cancel); nothing names it as needed. */
export const MORE_LIBRARIES = ['libgcc_s.so.1']

/** Kernel modules with all that they depend on; hardware asks for them by alias, file systems when they are mounted. */
export const WANTED_MODULES: readonly string[] = [
  // Buses, consoles and virtual machines.
  ...['virtio_pci', 'virtio_mmio', 'virtio_net', 'virtio_blk', 'virtio_scsi', 'virtio_rng', 'virtio_console'],
  ...['vmxnet3', 'vmw_pvscsi', 'hv_netvsc', 'hv_storvsc', 'xen_netfront', 'xen_blkfront', 'ena', 'gve'],
  ...['xhci_pci', 'ehci_pci', 'ohci_pci', 'uhci_hcd', 'usb_storage', 'uas', 'usbhid', 'hid_generic'],
  // Disks and their controllers.
  ...['ahci', 'ata_piix', 'ata_generic', 'sd_mod', 'sr_mod', 'sg', 'ses', 'nvme', 'sdhci_pci', 'mmc_block'],
  ...[
    'megaraid_sas',
    'mpt3sas',
    'mptsas',
    'aacraid',
    'hpsa',
    'smartpqi',
    'mpi3mr',
    'isci',
    'arcmsr',
    '3w_9xxx',
  ],
  ...['qla2xxx', 'lpfc', 'iscsi_tcp', 'loop', 'nbd'],
  // Network cards.
  ...['e1000', 'e1000e', 'igb', 'igc', 'ixgbe', 'ixgbevf', 'i40e', 'iavf', 'ice', 'bnxt_en', 'bnx2', 'bnx2x'],
  ...[
    'tg3',
    'mlx4_en',
    'mlx5_core',
    'r8169',
    '8139too',
    '8139cp',
    'atlantic',
    'be2net',
    'cxgb4',
    'qede',
    'sfc',
  ],
  ...['sky2', 'forcedeth', 'realtek', 'broadcom', 'marvell', 'r8152', 'ax88179_178a', 'asix', 'cdc_ether'],
  ...['af_packet', '8021q', 'bonding', 'bridge'],
  // What lies on disks.
  ...['ext4', 'xfs', 'btrfs', 'vfat', 'exfat', 'ntfs3', 'isofs', 'squashfs', 'overlay', 'nfsv4', 'nfsv3'],
  ...['nls_cp437', 'nls_ascii', 'nls_utf8', 'nls_iso8859_1', 'crc32c_generic', 'crc32c_intel', 'efivarfs'],
  ...[
    'dm_mod',
    'dm_crypt',
    'dm_snapshot',
    'dm_mirror',
    'dm_thin_pool',
    'dm_cache',
    'dm_raid',
    'dm_multipath',
  ],
  ...['dm_integrity', 'md_mod', 'raid0', 'raid1', 'raid10', 'raid456', 'linear'],
  ...['aesni_intel', 'xts', 'cbc', 'ecb', 'sha256_generic', 'sha512_generic', 'algif_skcipher', 'algif_hash'],
  // What tells how it is.
  ...['ipmi_si', 'ipmi_devintf', 'coretemp', 'softdog', 'msr'],
]
