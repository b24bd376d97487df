/** TFTP clients that are programs, and every option of theirs that changes the protocol. */
import { AWKWARD, interopFile, LOSSY_SIZE, WRAPPING } from './files.ts'
import type { Lossy, Trial } from './matrix.ts'

type Get = (name: string, out: string, server: string) => readonly string[]

interface Way {
  readonly client: string
  readonly package: string
  readonly option: string
  readonly get: Get
  /** Blocks of 512 octets, so that a file of 32 MiB wraps the block number; in the lossy rows as well. */
  readonly isSmallest?: boolean
  /** Left out of the lossy rows: another way stands for it. */
  readonly isQuietOnly?: boolean
  /** It asks for a `timeout` of seconds: what is lost takes as long. */
  readonly isPatient?: boolean
}

function curl(option: string, flags: readonly string[], more: Partial<Way> = {}): Way {
  const get: Get = (name, out, server) => [
    ...['curl', '-sS', '--path-as-is', ...flags],
    ...['-o', out, `tftp://${server}/${name}`],
  ]
  return { client: 'curl', package: 'curl', option, get, ...more }
}

function atftp(option: string, options: readonly string[], more: Partial<Way> = {}): Way {
  const get: Get = (name, out, server) => [
    ...['atftp', ...options.flatMap((one) => ['--option', one])],
    ...['-g', '-r', name, '-l', out, server],
  ]
  return { client: 'atftp', package: 'atftp', option, get, ...more }
}

function busybox(option: string, flags: readonly string[], more: Partial<Way> = {}): Way {
  const get: Get = (name, out, server) => ['busybox', 'tftp', '-g', ...flags, '-r', name, '-l', out, server]
  return { client: 'busybox tftp', package: 'busybox', option, get, ...more }
}

const WAYS: readonly Way[] = [
  {
    client: 'tftp-hpa',
    package: 'tftp-hpa',
    option: 'no options, octet',
    get: (name, out, server) => ['tftp', '-m', 'binary', server, '-c', 'get', name, out],
    isSmallest: true,
  },
  atftp('no options', [], { isSmallest: true }),
  atftp('blksize 1428', ['blksize 1428']),
  atftp('blksize 65464', ['blksize 65464'], { isQuietOnly: true }),
  atftp('blksize 8', ['blksize 8'], { isQuietOnly: true }),
  atftp('tsize, timeout 2', ['tsize', 'timeout 2'], { isQuietOnly: true }),
  atftp('windowsize 4', ['windowsize 4'], { isSmallest: true }),
  atftp('blksize 1468, windowsize 4', ['blksize 1468', 'windowsize 4']),
  atftp('blksize 1428, windowsize 16', ['blksize 1428', 'windowsize 16']),
  atftp('all four, windowsize 64', ['blksize 1428', 'windowsize 64', 'tsize', 'timeout 3'], {
    isQuietOnly: true,
  }),
  curl('tsize, blksize 512, timeout 6', [], { isSmallest: true, isPatient: true }),
  curl('--tftp-no-options', ['--tftp-no-options'], { isSmallest: true }),
  curl('--tftp-blksize 1428', ['--tftp-blksize', '1428'], { isPatient: true }),
  curl('--tftp-blksize 65464', ['--tftp-blksize', '65464'], { isQuietOnly: true }),
  curl('--tftp-blksize 8', ['--tftp-blksize', '8'], { isQuietOnly: true }),
  busybox('tsize', [], { isSmallest: true }),
  busybox('-b 1428', ['-b', '1428']),
  busybox('-b 65464', ['-b', '65464'], { isQuietOnly: true }),
]

const LOSSY: Lossy = { seeds: [1, 2, 3], rates: { drop: 20, duplicate: 20, reorder: 50, delay: 50 } }

/** With blocks of 8 octets a large file takes as long as it deserves. */
const LARGEST_OF_TINY_BLOCKS = 65_537

export const TFTP_PROGRAMS: readonly Trial[] = [
  ...WAYS.map((way) => trialOf(way, / 8$/.test(way.option) ? sizesTo(LARGEST_OF_TINY_BLOCKS) : AWKWARD)),
  ...WAYS.filter(({ isSmallest }) => isSmallest === true).map((way) => ({
    ...trialOf({ ...way, option: `${way.option}: 65538 blocks` }, [WRAPPING]),
    patience: 120_000,
    isSlow: !way.option.startsWith('windowsize'),
  })),
  ...WAYS.filter(({ isQuietOnly }) => isQuietOnly !== true).map((way) => ({
    ...trialOf(way, [way.isSmallest === true ? LOSSY_SIZE : LOSSY_SIZE * 3]),
    patience: 120_000,
    isSlow: way.isPatient === true,
    lossy: LOSSY,
  })),
]

function sizesTo(largest: number): readonly number[] {
  return AWKWARD.filter((size) => size <= largest)
}

function trialOf({ client, package: debian, option, get }: Way, sizes: readonly number[]): Trial {
  const steps = sizes.map((size) => {
    const file = interopFile(size)
    return {
      file,
      command: (out: string, { server }: { readonly server: string }) => get(file.name, out, server),
    }
  })
  return { client, package: debian, plane: 'TFTP', option, steps }
}
