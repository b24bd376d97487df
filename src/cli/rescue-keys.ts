import { open } from 'node:fs/promises'
import { formatTable } from '../lib/text.ts'
import { type AuthorizedKey, KEYS_LIMIT, parseAuthorizedKeys } from '../rescue/authorized-keys.ts'
import { CliError, EXIT } from './exit-codes.ts'

/** Type, fingerprint and comment of each, for a person to compare. */
export function keyTable(keys: readonly AuthorizedKey[]): string {
  return formatTable(keys.map(({ type, fingerprint, comment }) => [type, fingerprint, comment]))
}

/** The keys of `--authorized-keys FILE`; whatever is wrong with one of them ends the command. */
export async function readAuthorizedKeys(path: string): Promise<readonly AuthorizedKey[]> {
  const parsed = parseAuthorizedKeys(await readText(path))
  if (parsed.ok) return parsed.value
  throw new CliError(
    `--authorized-keys: ${path}: ${parsed.error}. A line is as in ~/.ssh/id_ed25519.pub: ssh-ed25519 AAAA... comment`,
    EXIT.usage,
  )
}

async function readText(path: string): Promise<string> {
  try {
    const file = await open(path)
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(KEYS_LIMIT + 1), 0, KEYS_LIMIT + 1, 0)
      if (bytesRead <= KEYS_LIMIT) return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    throw new CliError(
      `--authorized-keys: ${error instanceof Error ? error.message : String(error)}`,
      EXIT.usage,
    )
  }
  throw new CliError(`--authorized-keys: ${path} is larger than ${KEYS_LIMIT} octets`, EXIT.usage)
}
