/** Exit codes; above 64 those of sysexits.h. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** Something the machine lacks: a package, a program. */
  unavailable: 69,
  /** A configuration that is not valid, or a runtime that is too old. */
  config: 78,
} as const

/** An error for the person at the terminal: its message is all there is to say. */
export class CliError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = EXIT.failure) {
    super(message)
    this.name = 'CliError'
    this.exitCode = exitCode
  }
}
