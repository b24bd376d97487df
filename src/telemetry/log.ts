import { printable } from '../lib/text.ts'

export type LogLevel = 'info' | 'warn' | 'error'

/** Lines for people, or JSON objects for collectors. One call is one line, whatever the text holds. */
export interface Log {
  line(level: LogLevel, text: string, fields?: Readonly<Record<string, unknown>>): void
  /** Writes what waits: before anything else is said on the same stream, and at the end. */
  flush(): void
}

/** How long an `info` line may wait for others, in milliseconds: under load one write has hundreds of lines. */
const GATHER_MS = 20
/** Characters that may wait; a pipe takes 64 KiB. */
const GATHER_LIMIT = 32_768

/**
 * Text and JSON carry the time, in UTC; under systemd the journal has its own, and lines carry their level as it reads it
 * (sd-daemon(3), `<6>`). `info` lines are written together, in their order; a warning or an error is written at once,
 * after what waits. `write` gets whole lines.
 */
export function createLog(write: (lines: string) => void, format: 'text' | 'json' | 'journal'): Log {
  const priority = { info: '<6>', warn: '<4>', error: '<3>' } as const
  const now = isoClock()
  let waiting = ''
  let timer: NodeJS.Timeout | undefined
  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    const lines = waiting
    waiting = ''
    if (lines !== '') write(lines)
  }
  const gather = (level: LogLevel, line: string): void => {
    waiting += line
    if (level !== 'info' || waiting.length > GATHER_LIMIT) flush()
    else timer ??= setTimeout(flush, GATHER_MS)
  }
  return {
    line: (level, text, fields = {}) => {
      if (format === 'json')
        return gather(level, `${JSON.stringify({ time: now(), level, message: text, ...fields })}\n`)
      const told = level === 'info' ? '' : `${level}: `
      const prefix = format === 'journal' ? priority[level] : `${now()} ${told}`
      gather(level, `${prefix}${logText(text)}\n`)
    },
    flush,
  }
}

function logText(text: string): string {
  const shown = printable(text, 4000)
  return shown === text ? text : shown.replaceAll('\\\\', '\\')
}

/** The time as text, made once a millisecond. */
function isoClock(): () => string {
  let at = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== at) text = new Date(now).toISOString()
    at = now
    return text
  }
}

/** An error as one line: its message, and the stack's first frame of ours where that helps. */
export function describeFault(error: unknown): string {
  return error instanceof Error
    ? (error.stack ?? error.message).split('\n').slice(0, 3).join(' | ')
    : String(error)
}
