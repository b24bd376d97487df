import { printable } from '../lib/text.ts'

export type LogLevel = 'info' | 'warn' | 'error'

/** Lines for people, or JSON objects for collectors. One call is one line, whatever the text holds. */
export interface Log {
  line(level: LogLevel, text: string, fields?: Readonly<Record<string, unknown>>): void
}

/**
 * Text and JSON carry the time, in UTC; under systemd the journal has its own, and lines carry their level as it reads it
 * (sd-daemon(3), `<6>`).
 */
export function createLog(write: (line: string) => void, format: 'text' | 'json' | 'journal'): Log {
  const priority = { info: '<6>', warn: '<4>', error: '<3>' } as const
  return {
    line: (level, text, fields = {}) => {
      if (format === 'json')
        return write(
          `${JSON.stringify({ time: new Date().toISOString(), level, message: text, ...fields })}\n`,
        )
      const told = level === 'info' ? '' : `${level}: `
      const prefix = format === 'journal' ? priority[level] : `${new Date().toISOString()} ${told}`
      write(`${prefix}${printable(text, 4000).replaceAll('\\\\', '\\')}\n`)
    },
  }
}

/** An error as one line: its message, and the stack's first frame of ours where that helps. */
export function describeFault(error: unknown): string {
  return error instanceof Error
    ? (error.stack ?? error.message).split('\n').slice(0, 3).join(' | ')
    : String(error)
}
