import { z } from 'zod'
import { err, ok } from '../lib/result.ts'
import { DocumentSchema } from './document-schema.ts'
import { ImageSchema } from './image-schema.ts'
import { HttpLimitsSchema, TftpLimitsSchema } from './limits-schema.ts'
import { LoaderSchema } from './loader-schema.ts'
import { NodeSchema, RuleSchema } from './machine-schema.ts'
import { MenuSchema } from './menu-schema.ts'
import { NetworkSchema } from './network-schema.ts'
import {
  KernelArgumentsSchema,
  LocalDiskSchema,
  listOf,
  mac,
  NameSchema,
  read,
  screenText,
} from './shapes.ts'

/**
 * The shape of `centra-pxe.yaml`, the only description of it: error messages, defaults and the editor's JSON
 * Schema come from here. Meaning that crosses keys (references, addresses in subnets) is checked in `resolve.ts`.
 */

/**
 * A path as written, on which nothing is checked but that it is there; relative ones are resolved where the file
 * is known.
 */
export const PathSchema = z.string('expected a path').min(1, 'expected a path')
const name = NameSchema
const path = PathSchema
const count = z
  .number('expected a number')
  .int('expected a whole number')
  .positive('expected a number above 0')

const cmdline = KernelArgumentsSchema
/** `127.0.0.1:8081` or `[::1]:8081`. */
const LISTEN = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]+)):([0-9]{1,5})$/
const listen = read(
  'HOST:PORT, such as 127.0.0.1:8081',
  (text) => {
    const [, bracketed, plain, digits] = LISTEN.exec(text) ?? []
    const port = Number(digits)
    const host = bracketed ?? plain
    if (host === undefined || !(port >= 1 && port <= 65535))
      return err(`expected HOST:PORT, such as 127.0.0.1:8081, got "${text}"`)
    return ok({ host, port })
  },
  LISTEN.source,
)

const port = z.number('expected a port number').int().min(1).max(65535, 'expected a port number')

const HttpsSchema = z.strictObject({
  port: port.default(8443).describe('TCP port of the same over TLS'),
  certificate: path.describe(
    "PEM file: the server's certificate, then its issuers; read again when it changes",
  ),
  key: path.describe('PEM file: its private key, without a passphrase'),
})

/** What stands under `server:`. Included files cannot have it. */
export const ServerSchema = z.strictObject({
  stateDir: path
    .default('/var/lib/centra-pxe')
    .describe('Where leases, events, the image store and the control socket live'),
  boot: z
    .strictObject({
      http: port.default(8080).describe('TCP port for scripts, kernels and reports'),
      https: HttpsSchema.optional().describe(
        'The same over TLS besides; who is sent there is said by https: of networks and nodes',
      ),
      listing: z
        .boolean('expected true or false')
        .default(false)
        .describe('Whether /images/ and /firmware/ list what is published, for people and programs'),
    })
    .prefault({})
    .describe('The node plane: boot HTTP on the address of every served network'),
  operator: z
    .strictObject({
      listen: listen.prefault('127.0.0.1:8081').describe('HOST:PORT; keep it off the networks that boot'),
    })
    .prefault({})
    .describe('The operator plane: /health for monitoring'),
  limits: z
    .strictObject({
      tftp: TftpLimitsSchema.prefault({}).describe('Of TFTP, on each network'),
      http: HttpLimitsSchema.prefault({}).describe('Of the HTTP node plane, plain and over TLS'),
    })
    .prefault({})
    .describe('What clients may cost; times and sizes with their units'),
  accessLog: path
    .optional()
    .describe(
      'A file for every request over TFTP, HTTP and HTTPS, one JSON line each; or stdout; default: none is written',
    ),
  firmware: listOf(path)
    .optional()
    .describe(
      "Directories with loaders; default: the state directory's firmware/, then the distribution's iPXE",
    ),
})

/** `true`: by the kernel, which needs nothing of the installer. */
const installSchema = z
  .union([z.literal(true), z.enum(['kernel', 'installer'])], 'expected kernel, installer or true')
  .transform((value) => (value === true ? 'kernel' : value))

/** One of `profiles:`; what is absent comes from the built-in profile of the same name, if there is one. */
export const ProfileSchema = z.strictObject({
  title: screenText.optional().describe("The menu's line for this profile"),
  description: screenText.optional().describe('What the profile is for, in one sentence'),
  services: z.array(screenText).optional().describe('What runs on such a machine, for people'),
  requires: z
    .strictObject({
      cores: count.optional().describe('Processor cores'),
      memoryGB: count.optional().describe('Memory in GB'),
      diskGB: count.optional().describe('Disk space in GB'),
    })
    .optional()
    .describe('What a machine needs for this profile, for people: nothing checks it'),
  warning: screenText.optional().describe('Shown on the screen before the profile boots'),
  image: name.optional().describe('The image it boots; without one the profile stays out of the menu'),
  document: name
    .optional()
    .describe('What its installer or first boot reads, one of documents:; its kernel is told the address'),
  cmdline: cmdline.optional().describe("Kernel arguments after those of the image; replaces a built-in's"),
  install: installSchema
    .optional()
    .describe(
      'It writes the disk: it boots by `node install` alone, once. What uses that up: kernel (or true), as soon as it is fetched; installer, which asks before it writes',
    ),
  loader: LoaderSchema.optional().describe(
    'The first loader of its nodes instead of the usual one: a file name, or names by architecture',
  ),
  localDisk: LocalDiskSchema,
  onFailure: z
    .literal('rescue', 'expected rescue')
    .optional()
    .describe(
      'After a boot step that failed, the screen goes on to the rescue system instead of the local disk',
    ),
  direct: z
    .boolean('expected true or false')
    .optional()
    .describe("UEFI HTTP boot loads the image's efi: program itself, without iPXE before it"),
})

/** A screen and a serial port; the kernel skips what the machine does not have. */
const DEFAULT_CONSOLES: readonly string[] = ['tty0', 'ttyS0,115200']

const consoleDevice = z
  .string('expected a console such as tty0 or ttyS0,115200')
  .regex(/^[A-Za-z]+[0-9]*(,[0-9]+[a-z]?[0-9]*[a-z]*)?$/, 'expected a console such as tty0 or ttyS0,115200')

const DEFAULT_INSTALL_TRIES = 3

/** What an included file may hold. */
const parts = {
  networks: z
    .array(NetworkSchema, 'expected a list of networks')
    .default([])
    .describe('The networks on which machines boot'),
  images: z
    .record(name, ImageSchema, 'expected images by name')
    .default({})
    .describe('What can be booted, by name: a kernel with its initrd and arguments'),
  documents: z
    .record(name, DocumentSchema, 'expected documents by name')
    .default({})
    .describe('What installers and first boots read, by name: templates of preseed, kickstart and others'),
  profiles: z
    .record(name, ProfileSchema, 'expected profiles by name')
    .default({})
    .describe(
      'What machines are for, by name; control-plane, worker and all-in-one exist, what is written replaces parts',
    ),
  nodes: z
    .array(NodeSchema, 'expected a list of nodes')
    .default([])
    .describe('The machines that are known, by MAC address'),
  rules: z
    .array(RuleSchema, 'expected a list of rules')
    .default([])
    .describe('What machines boot of which no node names a profile: the first rule that fits'),
}

/** A file that `include:` names. */
export const IncludedSchema = z.strictObject(parts)

/** The file that `--config` names. */
export const ConfigSchema = z.strictObject({
  version: z.literal(1, 'expected version: 1').describe('The version of this format: 1'),
  server: ServerSchema.prefault({}).describe('The server itself: its folders and ports'),
  ...parts,
  menu: MenuSchema.prefault({}).describe('The menu of machines that boot nothing of their own'),
  console: listOf(consoleDevice)
    .default(DEFAULT_CONSOLES)
    .describe('Kernel consoles of every profile, as in console=; the last one gets /dev/console'),
  sharedAdapters: z
    .array(mac, 'expected a list of MAC addresses')
    .default([])
    .describe(
      'MAC addresses of USB adapters that go from machine to machine: another key must tell which it is',
    ),
  installTries: z
    .int('expected a whole number')
    .min(1, 'expected at least 1')
    .max(100, 'expected at most 100')
    .default(DEFAULT_INSTALL_TRIES)
    .describe(
      'Boots of installers on one node without success, after which it is quarantined until node release',
    ),
  unknown: z
    .enum(['menu', 'local', 'ignore'], 'expected menu, local or ignore')
    .default('menu')
    .describe('What a machine gets that no node describes: the menu, its local disk, or no answer'),
  include: listOf(path)
    .default([])
    .describe('More files with networks, images, profiles and nodes; globs allowed'),
})
