/**
 * The catalogue of reasons: every step of a trace names one of these. Log lines, `explain` and the manual take
 * their words from here.
 */
const RULES = {
  'client.arch': 'Which processor and firmware the client says it has',
  'client.stage': 'How far the client is: firmware ROM, iPXE, or an operating system',
  'clients.policy': 'Whether this network answers this client at all',
  'node.match': 'Which described node this client is',
  'node.port': 'What the port of a relay or switch (option 82) tells, and whether it is believed',
  'node.outvoted': 'What the machine shows of another node, too little to matter',
  'node.placeholder': 'A UUID, serial number or asset tag that board makers leave on many machines',
  'node.conflict':
    'Nobody can tell which node the machine is: it boots its local disk and nothing of any node',
  'loader.override': 'A loader that the node or its profile names, and that does not count here',
  'loader.direct': "Whether UEFI HTTP boot loads the image's program itself",
  'loader.loop': 'The machine fetched its loader again and again: another one is tried',
  'loader.select': 'Which loader fits the client and is on disk',
  'ipxe.foreign': "Whether a card's own iPXE gets our loader before its script",
  'https.use': 'Whether the client is sent to the HTTPS port',
  'files.base': 'Which server the files of the image come from',
  'script.url': 'Where iPXE finds its script',
  'file.publish': 'Whether the name asked for is a published loader',
  'unknown.policy': 'What a machine gets that no node describes',
  'menu.password': 'Whether what somebody chose needs a password, and has it',
  'menu.choice': 'What somebody chose on the machine',
  'profile.rule': 'A rule of the configuration that was tried for a machine of which no node names a profile',
  'profile.network': 'The profile of every machine on a network of which nothing else is said',
  'boot.intent': 'What somebody asked the node to boot',
  'boot.quarantine':
    'Too many installers booted on the node without success: none boots until it is released',
  'boot.install': 'Whether a profile that installs may boot',
  'profile.select': 'Which profile the machine runs',
  'image.select': 'Which image the profile boots',
  'document.select': 'Which document the installer of the machine reads',
  'image.variant': "Which of an image's files are for the machine",
  'boot.refused': 'Why the machine, or its loader, cannot boot what it should, and what to do',
  'local.method': 'How the machine comes to its own disk, where that is not the usual way',
  'cmdline.merge': 'The kernel command line: image, then profile, then node, then ours',
  'boot.shim': 'Which shim iPXE is told of, for a kernel that the firmware does not take by itself',
  'boot.queue': 'Whether the machine may load now, or others load first',
  'boot.nonce': 'Whether this script opens a boot attempt that reports can prove',
  'boot.failed': 'A step of the boot failed on the machine',
  'boot.on-failure': 'What a machine boots whose profile could not be loaded and says what then',
  'proxy.answer': 'Whether a client beside another DHCP server is told where to boot',
  'network.shared': 'Which subnet of its shared network the client gets an address of',
  'lease.server': 'Whether the client addressed this server',
  'lease.subnet': 'Whether the address belongs to this subnet',
  'lease.reservation': 'The address that the node description reserves',
  'lease.current': 'The lease this client has or had',
  'lease.requested': 'The address the client asked for',
  'lease.bootp': 'Whether a client that speaks BOOTP alone is answered',
  'lease.pool': 'An address out of the pool',
  'lease.ping-check': 'Whether somebody uses the address already',
  'lease.release': 'The client gave its address back',
  'lease.decline': 'The client found its address in use',
} as const

export type RuleId = keyof typeof RULES

/** Where a step's facts came from. A trace without `state` and `clock` gives the same answer every time. */
export type FactSource = 'packet' | 'config' | 'inventory' | 'state' | 'clock'

export interface Step {
  readonly rule: RuleId
  /** What was found, in the field's words: "uefi-x64 (option 93 = 7)". */
  readonly outcome: string
  readonly from: FactSource
  /** RFC section, or `file:line` of the configuration. */
  readonly cite?: string
}

export type Trace = readonly Step[]

/** True when nothing in the trace depends on state or time, so an exporter may freeze the answer. */
export function isStable(trace: Trace): boolean {
  return trace.every((step) => step.from !== 'state' && step.from !== 'clock')
}
