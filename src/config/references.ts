import { formatIpv4, type Ipv4, rangeContains, subnetContains } from '../lib/ipv4.ts'
import {
  type Config,
  type ImageSpec,
  MENU_KEYS,
  type Network,
  needsImage,
  type Profile,
} from '../model/config.ts'
import { payloadFiles } from '../model/image.ts'
import { checkFiles } from './check-files.ts'
import { checkHttps } from './check-https.ts'
import { checkMenuEntries } from './check-menu.ts'
import { checkNetworks } from './check-networks.ts'
import { checkNodeKeys } from './check-node-keys.ts'
import { checkOptions } from './check-options.ts'
import { checkDocuments } from './documents.ts'
import { type Checked, formatRange, isHost, type Place, problem, Register } from './places.ts'
import type { ConfigProblem, ConfigSource } from './source.ts'
import type { WrittenPath } from './written-paths.ts'

/** What only the whole configuration can tell: names that must exist, be unique, or lie inside one another. */
export function checkReferences(checked: Checked): readonly ConfigProblem[] {
  return [
    ...checkNetworks(checked),
    ...checkHttps(checked),
    ...checkFiles(checked),
    ...checkNodes(checked),
    ...checkNodeKeys(checked),
    ...checkProfiles(checked),
    ...checkRules(checked),
    ...checkMenu(checked),
    ...checkMenuEntries(checked),
    ...checkTwice(checked, 'images'),
    ...checkTwice(checked, 'documents'),
    ...checkDocuments(checked),
    ...checkImages(checked),
    ...checkCmdlines(checked),
  ]
}

function checkNodes(checked: Checked): readonly ConfigProblem[] {
  const { config, nodes } = checked
  const problems: ConfigProblem[] = []
  const names = new Register('node name')
  const addresses = new Register('address')
  config.nodes.forEach((node, index) => {
    const place = nodes[index]
    if (place === undefined) return
    problems.push(...names.take(node.name, place, 'name'))
    const network = node.address === undefined ? undefined : networkOf(node.address, config)
    problems.push(...checkOptions(node.options, place, network))
    if (node.address !== undefined) {
      problems.push(...addresses.take(formatIpv4(node.address), place, 'address'))
      problems.push(...checkReservation(node.address, place, checked))
    }
    if (node.profile !== undefined) problems.push(...checkNodeProfile(node.profile, place, checked))
    if (node.install !== undefined) problems.push(...checkInstaller(node.install, place, checked))
  })
  return problems
}

function networkOf(address: Ipv4, config: Config): Network | undefined {
  return config.networks.find(({ subnet }) => subnetContains(subnet, address))
}

function checkReservation(
  address: Ipv4,
  place: Place,
  { config, networks, sources, incomplete }: Checked,
): readonly ConfigProblem[] {
  const network = networkOf(address, config)
  const shown = formatIpv4(address)
  // With a malformed network the subnet may be the one that is missing.
  if (network === undefined)
    return incomplete || networks.length < countWritten(sources, 'networks')
      ? []
      : [problem(place, 'address', `${shown} is not in the subnet of any network`)]
  if (!isHost(network, address) || address === network.options.router || address === network.address)
    return [problem(place, 'address', `${shown} belongs to the network ${network.name} itself`)]
  const pool = network.pools.find((range) => rangeContains(range, address))
  if (pool === undefined) return []
  const message = `${shown} lies in the pool ${formatRange(pool)}; it is kept out of the pool, better choose another`
  return [problem(place, 'address', message, 'warning')]
}

function checkNodeProfile(
  name: string,
  place: Place,
  { config, sources, incomplete }: Checked,
): readonly ConfigProblem[] {
  if (incomplete) return []
  const profile = config.profiles.get(name)
  if (profile === undefined && namesIn(sources, 'profiles').has(name)) return []
  if (profile === undefined)
    return [
      problem(
        place,
        'profile',
        `there is no profile ${name}; there are ${[...config.profiles.keys()].join(', ')}`,
      ),
    ]
  if (profile.image === undefined && !sources.some((source) => source.has(['profiles', name, 'image'])))
    return [problem(place, 'profile', `the profile ${name} has no image to boot: set profiles.${name}.image`)]
  return []
}

function checkInstaller(
  name: string,
  place: Place,
  { config, sources, incomplete }: Checked,
): readonly ConfigProblem[] {
  if (incomplete) return []
  const profile = config.profiles.get(name)
  if (profile === undefined && namesIn(sources, 'profiles').has(name)) return []
  if (profile === undefined) return [problem(place, 'install', `there is no profile ${name}`)]
  if (profile.install !== undefined) return []
  const advice = `set profiles.${name}.install: kernel or installer`
  return [problem(place, 'install', `the profile ${name} is no installer: ${advice}`)]
}

function checkRules(checked: Checked): readonly ConfigProblem[] {
  const { config, rules, networks, sources, incomplete } = checked
  const named = new Set(config.networks.map(({ name }) => name))
  const isComplete = !incomplete && networks.length === countWritten(sources, 'networks')
  const ofRules = config.rules.flatMap(({ profile, match }, index) => {
    const place = rules[index]
    if (place === undefined) return []
    const missing = isComplete ? (match.networks ?? []).filter((name) => !named.has(name)) : []
    return [
      ...checkNodeProfile(profile, place, checked),
      ...missing.map((name) => problem(place, ['match', 'network'], `there is no network ${name}`)),
    ]
  })
  const ofNetworks = config.networks.flatMap(({ profile }, index) => {
    const place = networks[index]
    return profile === undefined || place === undefined ? [] : checkNodeProfile(profile, place, checked)
  })
  return [...ofRules, ...ofNetworks]
}

function checkProfiles({ config, root, sources, incomplete }: Checked): readonly ConfigProblem[] {
  return [...config.profiles.values()].flatMap((profile) => {
    const writer = sources.find((other) => other.has(['profiles', profile.name])) ?? root
    if (MENU_KEYS.some((key) => key === profile.name))
      return [
        writer.problem(
          ['profiles', profile.name],
          `${profile.name} is an entry of the menu's own; choose another name`,
        ),
      ]
    if (incomplete) return []
    if (profile.image === undefined) {
      const message = `the profile ${profile.name} has no image and stays out of the menu: set profiles.${profile.name}.image`
      return [writer.problem(['profiles', profile.name], message, 'warning')]
    }
    return []
  })
}

/** The images that profiles name and no file declares, each at its place. */
export function undeclaredImages({ config, root, sources, incomplete }: Checked): readonly WrittenPath[] {
  if (incomplete) return []
  const declared = namesIn(sources, 'images')
  return [...config.profiles.values()].flatMap((profile) => {
    const { name, image } = profile
    if (image === undefined || declared.has(image) || !needsImage(profile, config)) return []
    const source = sources.find((other) => other.has(['profiles', name, 'image'])) ?? root
    const { origin, path } = source.place(['profiles', name, 'image'])
    return [{ target: image, origin, path }]
  })
}

/** Loaders tell the files of an image apart by name. */
function checkImages({ config, sources, root }: Checked): readonly ConfigProblem[] {
  return [...config.images.values()].flatMap(({ name, variants }) => {
    const source = sources.find((other) => other.has(['images', name])) ?? root
    return variants.flatMap(({ arch, payload }) => {
      const names = payloadFiles(payload).map((file) => file.split('/').at(-1))
      const path = ['images', name, ...(arch === undefined ? [] : ['arch', arch])]
      return names.flatMap((file, i) =>
        names.indexOf(file) < i
          ? [source.problem([...path, 'initrd', i - 1], `another file of this image is named ${file} too`)]
          : [],
      )
    })
  })
}

/** A Linux kernel on x86 takes 2047 octets (COMMAND_LINE_SIZE); ours are the rest: BOOTIF, report, nonce, initrds. */
const OPERATORS_CMDLINE = 1600

/** The arguments of image, profile and node together, as the machine will get them. */
function checkCmdlines({ config, nodes, sources, root, incomplete }: Checked): readonly ConfigProblem[] {
  if (incomplete) return []
  const lengthOf = (profile: Profile, own: readonly string[]): number =>
    longest(config.images.get(profile.image ?? ''), [...profile.cmdline, ...own])
  const tooLong = (length: number): string =>
    `image, profile and node give ${length} octets of kernel arguments; at most ${OPERATORS_CMDLINE} fit`
  const ofProfiles = [...config.profiles.values()].flatMap((profile) => {
    const source = sources.find((other) => other.has(['profiles', profile.name])) ?? root
    const length = lengthOf(profile, [])
    return length > OPERATORS_CMDLINE ? [source.problem(['profiles', profile.name], tooLong(length))] : []
  })
  const ofNodes = config.nodes.flatMap((node, index) => {
    const [place, profile] = [nodes[index], config.profiles.get(node.profile ?? '')]
    if (place === undefined || profile === undefined || node.cmdline.length === 0) return []
    const length = lengthOf(profile, node.cmdline)
    return length > OPERATORS_CMDLINE ? [problem(place, 'cmdline', tooLong(length))] : []
  })
  return [...ofProfiles, ...ofNodes]
}

/** Of the variants of an image, in octets. */
function longest(image: ImageSpec | undefined, more: readonly string[]): number {
  const ofVariants = image?.variants.map(({ cmdline }) => cmdline) ?? [[]]
  return Math.max(...ofVariants.map((own) => [...(image?.cmdline ?? []), ...own, ...more].join(' ').length))
}

/** Why an image of the image store cannot have these arguments in this configuration; undefined when it can. */
export function storedCmdlineProblem(
  config: Pick<Config, 'profiles' | 'nodes'>,
  image: string,
  cmdline: readonly string[],
): string | undefined {
  const profiles = [...config.profiles.values()].filter((profile) => profile.image === image)
  const others = profiles.flatMap((profile) => [
    profile.cmdline,
    ...config.nodes
      .filter((node) => node.profile === profile.name)
      .map((node) => [...profile.cmdline, ...node.cmdline]),
  ])
  const lengths = [[], ...others].map((more: readonly string[]) => [...cmdline, ...more].join(' ').length)
  const longest = Math.max(...lengths)
  return longest > OPERATORS_CMDLINE
    ? `image, profile and node give ${longest} octets of kernel arguments; at most ${OPERATORS_CMDLINE} fit`
    : undefined
}

function checkMenu({ config, root, sources, incomplete }: Checked): readonly ConfigProblem[] {
  const name = config.menu.default
  if (incomplete || name === 'local') return []
  const profile = config.profiles.get(name)
  if (profile === undefined && !namesIn(sources, 'profiles').has(name))
    return [root.problem(['menu', 'default'], `there is no profile ${name}; write local or a profile`)]
  const doubt =
    profile?.image === undefined
      ? `the profile ${name} has no image: when nobody chooses, the local disk boots`
      : profile.warning === undefined
        ? undefined
        : `${name} has a warning, which somebody must answer: when nobody does, the local disk boots`
  return doubt === undefined ? [] : [root.problem(['menu', 'default'], doubt, 'warning')]
}

/** A name that two files define: within one file YAML itself refuses it. */
function checkTwice({ sources }: Checked, key: 'images' | 'documents'): readonly ConfigProblem[] {
  const seen = new Map<string, ConfigSource>()
  return sources.flatMap((source) =>
    [...namesIn([source], key)].flatMap((name) => {
      const first = seen.get(name)
      seen.set(name, first ?? source)
      const where = first?.origin([key, name])
      return where === undefined
        ? []
        : [source.problem([key, name], `is already in ${where.file}:${where.line}`)]
    }),
  )
}

/** Names as written, also those whose definition is wrong: one mistake shall not look like two. */
function namesIn(sources: readonly ConfigSource[], key: string): ReadonlySet<string> {
  const names = sources.flatMap(({ value }) => {
    const section =
      typeof value === 'object' && value !== null
        ? Object.entries(value).find(([k]) => k === key)?.[1]
        : undefined
    return typeof section === 'object' && section !== null ? Object.keys(section) : []
  })
  return new Set(names)
}

/** Those with mistakes among them. A section that is no list makes the whole incomplete. */
function countWritten(sources: readonly ConfigSource[], key: string): number {
  return sources.reduce((sum, source) => {
    const list = source.section(key)
    return sum + (Array.isArray(list) ? list.length : 0)
  }, 0)
}
