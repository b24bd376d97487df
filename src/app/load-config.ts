import { FIRST_SIGNED, LOADER_NAMES, projectShim, publishedNames } from '../boot/loaders.ts'
import { type ConfigResult, includedGlobs, type Resolved, resolveConfig } from '../config/resolve.ts'
import { type ConfigProblem, type ConfigText, inOrder } from '../config/source.ts'
import type { WrittenPath } from '../config/written-paths.ts'
import { formatIpv4 } from '../lib/ipv4.ts'
import { imageAdvice, type Network, RESCUE_PROFILE } from '../model/config.ts'
import type { Disk } from '../model/disk.ts'
import type { CertificateFacts } from '../model/tls.ts'
import { loadDocuments } from './load-documents.ts'

export interface LoadOptions {
  /** Whether the files of its images must be there; not when others take their place. */
  readonly ownImages?: boolean
  /** The image store's folder, where it is not the configuration's. */
  readonly imageStore?: string
}

/**
 * Reads, checks and resolves a configuration with everything it includes. `validate`, `serve` and reload all use
 * this, so they always agree. Every problem is in the result; nothing is thrown.
 */
export async function loadConfig(
  file: string,
  disk: Disk,
  { ownImages = true, imageStore }: LoadOptions = {},
): Promise<ConfigResult> {
  const main = await readText(file, disk)
  if (typeof main === 'string') {
    const origin = { file, line: 1, column: 1 }
    return { problems: [{ severity: 'error', origin, path: '', message: `cannot be read: ${main}` }] }
  }
  const { included, problems: includeProblems } = await readIncluded(main, disk)
  const incomplete = includeProblems.some(({ severity }) => severity === 'error')
  const resolved = resolveConfig(main, included, { incomplete })
  const problems = [
    ...includeProblems,
    ...resolved.problems,
    ...(ownImages ? await missingFiles(resolved.imageFiles, disk) : []),
    ...(ownImages ? await checkStore(resolved, disk, imageStore) : []),
    ...(await bareFirmware(resolved.firmwareDirs, disk)),
    ...(await checkCertificate(resolved, disk)),
    ...(await checkLoaders(resolved.loaders, resolved.draft?.server.firmware ?? [], disk)),
  ]
  const { config: whole } = resolved
  const loaded = await loadDocuments(whole ?? resolved.draft, disk)
  problems.push(...loaded.problems)
  const config = whole === undefined ? undefined : { ...whole, documents: loaded.documents }
  const failed = config === undefined || problems.some(({ severity }) => severity === 'error')
  const files = [file, ...included.map((text) => text.file), ...loaded.files]
  const { draft } = resolved
  return {
    ...(failed ? {} : { config }),
    ...(draft === undefined ? {} : { draft }),
    problems: inOrder(problems, files),
  }
}

interface Included {
  readonly included: readonly ConfigText[]
  readonly problems: readonly ConfigProblem[]
}

async function readIncluded(main: ConfigText, disk: Disk): Promise<Included> {
  const included: ConfigText[] = []
  const problems: ConfigProblem[] = []
  // `*.yaml` beside the main file matches that as well, and two globs may match the same file.
  const read = new Set([main.file])
  for (const written of includedGlobs(main)) {
    const files = await disk.glob(written.target).catch(sentence)
    if (typeof files === 'string') {
      problems.push(problemAt(written, `${written.target} cannot be searched: ${files}`))
      continue
    }
    if (files.length === 0) problems.push(problemAt(written, `no file matches ${written.target}`, 'warning'))
    for (const path of files.filter((found) => !read.has(found))) {
      read.add(path)
      const text = await readText(path, disk)
      if (typeof text === 'string') problems.push(problemAt(written, `${path} cannot be read: ${text}`))
      else included.push(text)
    }
  }
  return { included, problems }
}

/** The text, or a sentence why there is none. */
function readText(file: string, disk: Disk): Promise<ConfigText | string> {
  return disk.readText(file).then((text) => ({ file, text }), sentence)
}

async function missingFiles(files: readonly WrittenPath[], disk: Disk): Promise<readonly ConfigProblem[]> {
  const problems: ConfigProblem[] = []
  for (const written of files)
    if (!(await disk.isFile(written.target)))
      problems.push(problemAt(written, `there is no readable file ${written.target}`))
  return problems
}

/** Images that must be in the image store, and those that are in both places. */
async function checkStore(
  { draft, undeclared }: Resolved,
  disk: Disk,
  imageStore: string | undefined,
): Promise<readonly ConfigProblem[]> {
  if (draft === undefined) return []
  const folder = imageStore ?? draft.server.imageStore
  const stored = await disk.storedImages(folder).catch(sentence)
  if (typeof stored === 'string')
    // Whoever edits the configuration may be another user than the server.
    return undeclared.map((written) =>
      problemAt(written, `whether there is an image ${written.target} is not known: ${stored}`, 'warning'),
    )
  const missing = undeclared
    .filter(({ target }) => !stored.current.has(target))
    .map((written) => {
      const { target } = written
      const advice =
        target === RESCUE_PROFILE ? `; ${imageAdvice({ name: RESCUE_PROFILE, image: target })}` : ''
      const message = `there is no image ${target} under images:, nor in the image store ${folder}${advice}`
      return problemAt(written, message)
    })
  const both = [...draft.images.values()].filter(({ name }) => stored.current.has(name))
  return [
    ...missing,
    ...both.map(({ name, origin }) => {
      const message = `the image store ${folder} has an image ${name} too; this one is booted`
      return problemAt({ target: name, origin, path: `images.${name}` }, message, 'warning')
    }),
  ]
}

/** Only a warning: the directory may be filled later, and a directory of several may hold every loader. */
async function bareFirmware(dirs: readonly WrittenPath[], disk: Disk): Promise<readonly ConfigProblem[]> {
  const problems: ConfigProblem[] = []
  for (const written of dirs) {
    if ((await disk.findFirmware([written.target], publishedNames([]))).size > 0) continue
    const message = `${written.target} does not exist, or has no loader: ${LOADER_NAMES.slice(0, 3).join(', ')} and others`
    problems.push(problemAt(written, message, 'warning'))
  }
  return problems
}

/** Only warnings, as above: machines are told what is missing, and get it as soon as it is there. */
async function checkLoaders(
  loaders: readonly WrittenPath[],
  dirs: readonly string[],
  disk: Disk,
): Promise<readonly ConfigProblem[]> {
  const names = loaders.map(({ target }) => target)
  const found = await disk.findFirmware(dirs, [...names, ...FIRST_SIGNED])
  const inThePlaceOf = (name: string): string | undefined => {
    const file = found.get(name)
    return FIRST_SIGNED.find((one) => {
      const shim = found.get(one)
      return shim !== undefined && file !== undefined && projectShim(shim, found) === file
    })
  }
  return loaders.flatMap((written) => {
    const { target } = written
    if (!found.has(target))
      return [problemAt(written, `no firmware directory has ${target}: ${dirs.join(', ')}`, 'warning')]
    const name = inThePlaceOf(target)
    if (name === undefined) return []
    const message = `${name} is the same file as ${target}, iPXE's own shim, which starts no kernel: with Secure Boot, iPXE needs the shim of the kernel's distribution in its place`
    return [problemAt(written, message, 'warning')]
  })
}

/** Warnings are for what machines may refuse; an error is for what cannot be served. */
async function checkCertificate(
  { tlsFiles, draft }: Pick<Resolved, 'tlsFiles' | 'draft'>,
  disk: Disk,
): Promise<readonly ConfigProblem[]> {
  if (tlsFiles === undefined) return []
  const { certificate, key } = tlsFiles
  const { pair, problems } = await disk.readTlsPair({ certificate: certificate.target, key: key.target })
  const unnamed = pair === undefined ? [] : unnamedAddresses(draft?.networks ?? [], pair)
  return [
    ...problems.map(({ of, severity, message }) =>
      problemAt(tlsFiles[of], `${tlsFiles[of].target} ${message}`, severity),
    ),
    ...unnamed.map((message) => problemAt(certificate, message, 'warning')),
  ]
}

/** Machines compare the address in the URL with those in the certificate, and refuse it when none is the same. */
function unnamedAddresses(networks: readonly Network[], { addresses }: CertificateFacts): readonly string[] {
  return networks.flatMap(({ name, address, https }) => {
    const shown = address === undefined ? undefined : formatIpv4(address)
    return shown === undefined || https.length === 0 || addresses.includes(shown)
      ? []
      : [`does not name ${shown}, our address on ${name}: machines there refuse it`]
  })
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function problemAt(
  { origin, path }: WrittenPath,
  message: string,
  severity: ConfigProblem['severity'] = 'error',
): ConfigProblem {
  return { severity, origin, path, message }
}
