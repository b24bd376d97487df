import type { Origin } from '../model/config.ts'

/** `file:line`, the citation of a trace step that came from the configuration. */
export function where(origin: Origin): string {
  return `${origin.file}:${origin.line}`
}
