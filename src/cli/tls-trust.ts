import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { fromHex } from '../lib/text.ts'
import { withTrustedRoot } from '../protocol/ipxe/trusted-root.ts'
import { CliError } from './exit-codes.ts'
import { say } from './output.ts'
import { certificateAt } from './tls-show.ts'

interface TrustFlags {
  readonly authority: string
  readonly out: string
}

/** `tls trust`: replaces the one root of an iPXE for UEFI in a copy. Exit code 1 where it finds none, or more than one. */
export function addTlsTrust(tls: Command): void {
  tls
    .command('trust <loader>')
    .summary('an iPXE of the distribution that trusts your authority')
    .description(
      "Copies an iPXE for UEFI and puts the authority's fingerprint in the place of iPXE's own root: what TRUST= does when " +
        'iPXE is built. For iPXE of 2020 and later with HTTPS; not for BIOS, whose iPXE is compressed, nor for signed ones.',
    )
    .requiredOption('--authority <file>', 'the certificate of the authority, ca.crt')
    .requiredOption('--out <file>', 'where to write; must not exist')
    .action(trust)
}

function trust(loader: string, { authority, out }: TrustFlags): void {
  const facts = certificateAt(resolve(authority))
  const image = attempt(loader, () => readFileSync(loader))
  const changed = withTrustedRoot(image, fromHex(facts.sha256) ?? new Uint8Array())
  if (!changed.ok) throw new CliError(`${loader}: ${changed.error}`)
  attempt(out, () => writeFileSync(out, changed.value, { flag: 'wx' }))
  say(`wrote ${out}: trusts ${facts.subject} (SHA-256 ${facts.sha256}), and nothing else`)
}

function attempt<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new CliError(`${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
