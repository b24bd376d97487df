import type { Origin } from '../model/config.ts'

export function where(origin: Origin): string {
  return `${origin.file}:${origin.line}`
}
