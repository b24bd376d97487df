import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes the folder and those above it that are missing, mode 0750. Throws as `mkdirSync` does. One after another, as
 * `recursive: true` never returns where the kernel answers ENOENT below a folder that is there (Node 24.21, /proc/x).
 */
export function makeStateFolder(folder: string): void {
  const missing: string[] = []
  for (let one = folder; !existsSync(one) && dirname(one) !== one; one = dirname(one)) missing.unshift(one)
  for (const one of missing) mkdirSync(one, { mode: 0o750 })
}
