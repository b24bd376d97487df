/** HTTP clients that are programs: whole files, parts of them, what was begun and cut off. */
import { AWKWARD, interopFile, WRAPPING } from './files.ts'
import type { InteropFile, Plane, Step, Target, Trial } from './matrix.ts'

const LARGE = 1_048_577

interface Way {
  readonly client: string
  readonly package: string
  readonly option: string
  readonly plane?: Plane
  readonly sizes?: readonly number[]
  readonly step: (file: InteropFile) => Step
}

const url = (file: InteropFile, at: Target, plane: Plane): string =>
  `${plane === 'HTTPS' ? at.https : at.http}/firmware/${file.name}`

function curl(option: string, flags: readonly string[], more: Partial<Way> & Partial<Step> = {}): Way {
  const { sizes, plane = 'HTTP', ...step } = more
  return {
    ...{ client: 'curl', package: 'curl', option, plane },
    ...(sizes === undefined ? {} : { sizes }),
    step: (file) => ({
      file,
      command: (out, at) => [
        ...['curl', '-sS', '-f', '--path-as-is', ...(plane === 'HTTPS' ? ['--cacert', at.authority] : [])],
        ...[...flags, '-o', out, url(file, at, plane)],
      ],
      ...step,
    }),
  }
}

function wget(option: string, flags: readonly string[], plane: Plane = 'HTTP'): Way {
  return {
    ...{ client: 'wget', package: 'wget', option, plane },
    step: (file) => ({
      file,
      command: (out, at) => [
        ...['wget', '-q', '--tries=1', ...(plane === 'HTTPS' ? [`--ca-certificate=${at.authority}`] : [])],
        ...[...flags, '-O', out, url(file, at, plane)],
      ],
    }),
  }
}

const busyboxGet =
  (...flags: readonly string[]) =>
  (file: InteropFile): Step => ({
    file,
    command: (out, at) => ['busybox', 'wget', '-q', ...flags, '-O', out, url(file, at, 'HTTP')],
  })

/** The same way, with a part of the file there already. */
function resuming(way: Way, had: (file: InteropFile) => number): Way {
  return {
    ...way,
    step: (file) => ({ ...way.step(file), before: file.bytes.subarray(0, had(file)) }),
  }
}

function ranged(option: string, range: string, part: (bytes: Buffer) => Buffer): Way {
  const way = curl(option, ['-r', range])
  return {
    ...way,
    sizes: [513, LARGE],
    step: (file) => ({ ...way.step(file), expected: part(file.bytes) }),
  }
}

function lengthOf(file: InteropFile): (out: Buffer) => string | undefined {
  return (out) => {
    const said = /^Content-Length: (\d+)\r$/m.exec(out.toString('latin1'))?.[1]
    return said === `${file.bytes.length}` ? undefined : `Content-Length: ${said}, not ${file.bytes.length}`
  }
}

const half = ({ bytes }: InteropFile): number => bytes.length >> 1
const HEAD = curl('HEAD', ['-I'])

const WAYS: readonly Way[] = [
  curl('whole', []),
  curl('whole, HTTP/1.0', ['-0']),
  curl('whole, --compressed', ['--compressed']),
  { ...HEAD, step: (file) => ({ ...HEAD.step(file), judge: lengthOf(file) }) },
  ranged('range: first octet', '0-0', (bytes) => bytes.subarray(0, 1)),
  ranged('range: from the middle', '200-399', (bytes) => bytes.subarray(200, 400)),
  ranged('range: the last 100', '-100', (bytes) => bytes.subarray(-100)),
  ranged('range: beyond the end', '500-99999999', (bytes) => bytes.subarray(500)),
  resuming(curl('resume, -C - from the half', ['-C', '-'], { sizes: [512, LARGE] }), half),
  resuming(
    curl('resume, -C - lacks one octet', ['-C', '-'], { sizes: [512, LARGE] }),
    ({ bytes }) => bytes.length - 1,
  ),
  curl('whole, 32 MiB', [], { sizes: [WRAPPING] }),
  wget('whole', []),
  wget('whole, no keep-alive', ['--no-http-keep-alive']),
  { ...resuming(wget('resume, -c from the half', ['-c']), half), sizes: [512, LARGE] },
  {
    ...resuming(wget('resume, -c of a whole file', ['-c']), ({ bytes }) => bytes.length),
    sizes: [512, LARGE],
  },
  { client: 'busybox wget', package: 'busybox', option: 'whole', step: busyboxGet() },
  {
    ...resuming(
      {
        client: 'busybox wget',
        package: 'busybox',
        option: 'resume, -c from the half',
        step: busyboxGet('-c'),
      },
      half,
    ),
    sizes: [512, LARGE],
  },
  curl('whole, CA', [], { plane: 'HTTPS' }),
  curl('whole, CA, TLS 1.2', ['--tls-max', '1.2'], { plane: 'HTTPS' }),
  wget('whole, CA', [], 'HTTPS'),
]

export const HTTP_PROGRAMS: readonly Trial[] = [
  ...WAYS.map(({ client, package: debian, option, plane = 'HTTP', sizes = AWKWARD, step }) => ({
    ...{ client, package: debian, option, plane },
    steps: sizes.map((size) => step(interopFile(size))),
  })),
  keptAlive(),
]

/** Every file over one connection: curl says how many it made. */
function keptAlive(): Trial {
  const files = AWKWARD.map(interopFile)
  const [first] = files
  if (first === undefined) throw new Error('there are files')
  const all = Buffer.concat(files.map(({ bytes }) => bytes))
  return {
    ...{ client: 'curl', package: 'curl', plane: 'HTTP', option: `${files.length} files, one connection` },
    steps: [
      {
        file: { name: 'all', bytes: all },
        command: (out, at) => [
          ...['sh', '-c'],
          // Their number comes last, in four digits.
          `curl -sS -f -w '%{stderr}%{num_connects}' ${files.map((file) => url(file, at, 'HTTP')).join(' ')} 2>${out}.n >${out}; tr -d '\\n' <${out}.n >>${out}`,
        ],
        expected: Buffer.concat([all, Buffer.from(`1${'0'.repeat(files.length - 1)}`)]),
      },
    ],
  }
}
