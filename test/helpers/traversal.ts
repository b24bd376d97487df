/**
 * Names that lead, or would lead a naive server, out of what is published. Generated: ways out, times targets, times what stands
 * before and behind. Each is a string of octets (latin1), as it goes onto the wire.
 */
import path from 'node:path'

/** Where the canaries are, from the firmware folder of the site. */
export interface Site {
  /** Absolute; the folder of the configuration, in which `firmware/` and `state/` are. */
  readonly dir: string
}

export interface TraversalCase {
  readonly how: string
  readonly name: string
}

/** What stands for one `../`, in latin1. */
const PARENTS: Readonly<Record<string, string>> = {
  plain: '../',
  backslash: '..\\',
  'dot segment between': './../',
  'both slashes': '..\\/',
  'double slash': '..//',
  'four dots': '....//',
  'four dots, backslash': '....\\\\',
  nested: '..././',
  'three dots': '.../',
  'encoded slash': '..%2f',
  'encoded slash, capitals': '..%2F',
  'encoded backslash': '..%5c',
  'encoded dots': '%2e%2e/',
  'one encoded dot': '.%2e/',
  'the other encoded dot': '%2e./',
  'all encoded': '%2e%2e%2f',
  'all encoded, backslash': '%2e%2e%5c',
  'double encoding': '%252e%252e%252f',
  'double encoding of the slash': '..%252f',
  'triple encoding': '%25252e%25252e%25252f',
  'overlong slash': '..%c0%af',
  'overlong slash, three octets': '..%e0%80%af',
  'overlong slash, four octets': '..%f0%80%80%af',
  'overlong dots': '%c0%ae%c0%ae/',
  'overlong backslash': '..%c1%9c',
  'overlong slash, raw': '..\xc0\xaf',
  'overlong dots, raw': '\xc0\xae\xc0\xae/',
  '%u': '%u002e%u002e%u002f',
  '%u, look-alikes': '%uff0e%uff0e%u2215',
  'full width': utf8('．．／'),
  'full width, encoded': '%ef%bc%8e%ef%bc%8e%ef%bc%8f',
  'two dot leader': utf8('‥/'),
  'division slash': utf8('..∕'),
  'fraction slash': utf8('..⁄'),
  'UTF-16': '.\0.\0/\0',
  'NUL between': '.\0./',
  'encoded NUL between': '.%00./',
  parameters: '..;/',
  'parameters with a value': '..;a=b/',
  'encoded parameters': '..%3b/',
  'tab between': '.\t./',
  'dots and a blank': '.. /',
  'soft hyphen': utf8('.\u00ad./'),
}

/** What stands before a way out. */
const BEFORE: readonly string[] = [
  ...['/', '//', './', '\\', '\\\\', 'snponly.efi/', 'firmware/', 'nothing/', '%2f', '/./', '\xff/'],
  ...[
    'C:\\',
    'c:/',
    '\\\\?\\',
    '\\\\10.77.0.1\\share\\',
    'tftp://10.77.0.1/',
    'http://10.77.0.1/',
    'file://',
  ],
]

/** What stands behind a name. */
const BEHIND: readonly string[] = [
  ...['\0', '\0.efi', '%00', '%00.efi', '\xff', '\xff\xffjunk', '%ff', '?', '?x=snponly.efi', '#snponly.efi'],
  ...['/', '/.', '.', '...', ' ', '%20', '::$DATA', ';snponly.efi', '%3bsnponly.efi', '\r\n', '%0d%0a', '\\'],
]

/** Neighbours of the published files in their own folder. */
const NEIGHBOURS: readonly string[] = [
  ...['secret', 'SECRET', './secret', '/secret', '.hidden', 'secret.', 'secret%00', 'secret\xff', 'secret '],
  ...['link', 'linked/canary.txt', 'sub/secret', 'sub\\secret', 'snponly.efi~', 'snponly.efi.bak', '*', 's*'],
  ...['[s]ecret', '{secret,x}', '', '.', '..', '~root/canary', '$HOME/canary', '|cat secret', '`cat secret`'],
  ...[
    'undionly.kpxe/secret',
    'undionly.kpxe/../secret',
    'sub/../secret',
    's%65cret',
    's%2565cret',
    '-',
    '--',
  ],
  ...[
    'secret;',
    'secret?',
    'secret#',
    'secret%3f',
    'firmware/secret',
    'firmware/./secret',
    'state/canary.txt',
  ],
]

/** In the order of their making, each once: at least 500. */
export function traversalCases({ dir }: Site): readonly TraversalCase[] {
  const depth = dir.split('/').length + 2
  const targets = ['lab.yaml', 'state/canary.txt', 'firmware-old/canary.txt']
  const absolute = [
    ...[`${dir}/lab.yaml`, `${dir}/state/canary.txt`, '/run/canary.txt', '/etc/passwd', '/proc/self/environ'],
    ...['/proc/self/root/run/canary.txt', `/proc/self/cwd/lab.yaml`, '/proc/1/environ', '/dev/zero'],
    ...['/proc/self/cmdline', '/sys/kernel/notes', '/dev/mem', `${dir}/firmware/secret`],
  ]
  const cases: TraversalCase[] = []
  const add = (how: string, name: string): void => void cases.push({ how, name })
  for (const [how, up] of Object.entries(PARENTS)) {
    for (const target of targets) add(`${how}, to ${target}`, up + target)
    add(`${how}, deep`, `${up.repeat(depth)}run/canary.txt`)
    add(`${how}, below a published name`, `snponly.efi/${up}${up}lab.yaml`)
    add(`${how}, to an absolute path`, `/${up.repeat(depth)}etc/passwd`)
  }
  for (const before of BEFORE) {
    add(`behind ${before}`, `${before}../lab.yaml`)
    add(`behind ${before}, two`, `${before}../../canary.txt`)
    add(`behind ${before}, absolute`, `${before}run/canary.txt`)
    add(`behind ${before}, absolute path`, `${before}/run/canary.txt`)
  }
  for (const behind of BEHIND) {
    add(`before ${JSON.stringify(behind)}`, `../lab.yaml${behind}`)
    add(`before ${JSON.stringify(behind)}, neighbour`, `secret${behind}`)
    add(`before ${JSON.stringify(behind)}, encoded`, `..%2flab.yaml${behind}`)
  }
  for (const target of absolute)
    for (const form of [target, `/${target}`, target.replaceAll('/', '\\'), encodeURIComponent(target)])
      add('absolute', form)
  for (const target of absolute.slice(0, 6))
    for (const scheme of ['file://', 'file:', 'FILE:///', 'file://localhost', 'php://filter/resource='])
      add('scheme', scheme + target)
  for (const neighbour of NEIGHBOURS) add('neighbour', neighbour)
  for (const length of [100, 200, 400])
    for (const up of ['../', './', '..%2f', '/', '....//'])
      add('long', `${up.repeat(length / up.length)}lab.yaml`)
  add('query', '?file=../lab.yaml')
  add('query', '?path=/run/canary.txt')
  add('query in a name', 'secret?/../../lab.yaml')
  add('fragment in a name', 'secret#/../../lab.yaml')
  return [...new Map(cases.map((one) => [one.name, one])).values()]
}

function utf8(text: string): string {
  return Buffer.from(text).toString('latin1')
}

/** Mistakes that servers have made: each turns a name below a root into a path. */
export const NAIVE: Readonly<Record<string, (root: string, name: string) => string>> = {
  'joins the name': (root, name) => path.join(root, name),
  'takes absolute paths': (root, name) => path.resolve(root, name),
  'cuts at NUL, then joins': (root, name) => path.join(root, name.split('\0')[0] ?? ''),
  'decodes, then joins': (root, name) => path.join(root, decode(name).split('\0')[0] ?? ''),
  'decodes twice': (root, name) => path.join(root, decode(decode(name))),
  'turns backslashes': (root, name) => path.join(root, name.replaceAll('\\', '/')),
  'decodes, then turns backslashes': (root, name) => path.join(root, decode(name).replaceAll('\\', '/')),
  'removes ../ once': (root, name) => path.join(root, name.replaceAll('../', '')),
  'removes a drive': (root, name) => path.join(root, name.replace(/^[a-z]:/i, '').replaceAll('\\', '/')),
  'removes a scheme': (root, name) => path.resolve(root, name.replace(/^[a-z]+:(\/\/[^/]*)?/i, '')),
  'removes parameters': (root, name) => path.join(root, name.replace(/;[^/]*/g, '')),
  'removes a query': (root, name) => path.join(root, name.replace(/[?#].*$/s, '')),
  'cuts at 0xFF': (root, name) => path.join(root, name.split('\xff')[0] ?? ''),
  'takes overlong UTF-8': (root, name) =>
    path.join(root, decode(name).replaceAll('\xc0\xae', '.').replaceAll('\xc0\xaf', '/')),
  'folds look-alikes': (root, name) =>
    path.join(root, Buffer.from(decode(name), 'latin1').toString('utf8').normalize('NFKC')),
  'takes 16-bit names': (root, name) => path.join(root, name.replaceAll('\0', '')),
  trims: (root, name) => path.join(root, name.trim().replace(/\.+$/, '')),
}

function decode(name: string): string {
  return name
    .replace(/%u00([0-9a-f]{2})/gi, '%$1')
    .replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
}
