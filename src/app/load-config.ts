import { type ConfigResult, type ConfigText, includedGlobs, resolveConfig } from '../config/resolve.ts'
import type { ConfigProblem } from '../config/source.ts'
import type { Config } from '../model/config.ts'
import type { Disk } from '../model/disk.ts'

/**
 * Reads, checks and resolves a configuration with everything it includes. `validate`, `serve` and reload all use
 * this, so they always agree. Every problem is in the result; nothing is thrown.
 */
export async function loadConfig(file: string, disk: Disk): Promise<ConfigResult> {
  const main = await readConfigText(file, disk)
  if ('problem' in main) return { problems: [main.problem] }
  const problems: ConfigProblem[] = []
  const included: ConfigText[] = []
  // `*.yaml` beside the main file matches that as well, and two globs may match the same file.
  const read = new Set([file])
  for (const glob of includedGlobs(main)) {
    const files = await disk.glob(glob).catch((error: unknown) => {
      problems.push(
        fileProblem(file, `include: ${glob}: ${error instanceof Error ? error.message : String(error)}`),
      )
      return undefined
    })
    if (files === undefined) continue
    if (files.length === 0) problems.push(fileProblem(file, `include: no file matches ${glob}`, 'warning'))
    for (const path of files) {
      if (read.has(path)) continue
      read.add(path)
      const text = await readConfigText(path, disk)
      if ('problem' in text) problems.push(text.problem)
      else included.push(text)
    }
  }
  const resolved = resolveConfig(main, included)
  const missing = resolved.config === undefined ? [] : await missingFiles(resolved.config, disk)
  const all = [...problems, ...resolved.problems, ...missing]
  const failed = resolved.config === undefined || all.some((problem) => problem.severity === 'error')
  return { ...(failed || resolved.config === undefined ? {} : { config: resolved.config }), problems: all }
}

async function readConfigText(
  file: string,
  disk: Disk,
): Promise<ConfigText | { readonly problem: ConfigProblem }> {
  try {
    return { file, text: await disk.readText(file) }
  } catch (error) {
    return {
      problem: fileProblem(file, `cannot be read: ${error instanceof Error ? error.message : String(error)}`),
    }
  }
}

async function missingFiles(config: Config, disk: Disk): Promise<readonly ConfigProblem[]> {
  const problems: ConfigProblem[] = []
  for (const image of config.images.values()) {
    const files = [
      ['kernel', image.kernel] as const,
      ...image.initrd.map((path, i) => [`initrd[${i}]`, path] as const),
    ]
    for (const [key, path] of files) {
      if (await disk.isFile(path)) continue
      problems.push({
        severity: 'error',
        origin: image.origin,
        path: `images.${image.name}.${key}`,
        message: `there is no readable file ${path}`,
      })
    }
  }
  return problems
}

function fileProblem(
  file: string,
  message: string,
  severity: ConfigProblem['severity'] = 'error',
): ConfigProblem {
  return { severity, origin: { file, line: 1, column: 1 }, path: '', message }
}
