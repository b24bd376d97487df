/** Printable ASCII without a backslash: there is nothing to escape. */
const PLAIN = /^[ -[\]-~]*$/

/**
 * Makes bytes or text from the network safe to show: one line, printable ASCII, everything else as `\xNN`.
 * Log lines, terminals and events pass through here, so that a client cannot forge a line or move a cursor.
 */
export function printable(input: string | Uint8Array, limit = 256): string {
  if (typeof input === 'string' && input.length <= limit && PLAIN.test(input)) return input
  const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input
  let out = ''
  for (const byte of bytes.subarray(0, limit)) {
    if (byte === 0x5c) out += '\\\\'
    else if (byte >= 0x20 && byte < 0x7f) out += String.fromCharCode(byte)
    else out += `\\x${byte.toString(16).padStart(2, '0')}`
  }
  return bytes.length > limit ? `${out}...` : out
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'))

/** Two lower-case digits an octet, nothing between them; `fromHex` reads it back. */
export function toHex(bytes: Uint8Array): string {
  let hex = ''
  for (const octet of bytes) hex += HEX[octet]
  return hex
}

/** The bytes of an even number of hex digits; undefined for anything else. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** A size for people, decimal units: 12345678 is "12.3 MB". */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

/** Columns padded to their widest cell, two spaces apart, no trailing blanks. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** A text in lines of at most `columns`, broken at blanks where there are any. */
export function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  let rest = text
  while (rest.length > columns) {
    const blank = rest.lastIndexOf(' ', columns)
    const end = blank > 0 ? blank : columns
    lines.push(rest.slice(0, end))
    rest = rest.slice(blank > 0 ? end + 1 : end)
  }
  return [...lines, rest]
}
