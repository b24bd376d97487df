import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { describeCertificate } from '../files/tls-pair.ts'
import { formatTable } from '../lib/text.ts'
import type { CertificateFacts } from '../model/tls.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { print, printJson, requireStateConfig } from './output.ts'

interface ShowFlags {
  readonly config?: string
  readonly json?: boolean
}

/** `tls show`: of a file, or of the one that the configuration names; the private key is not read. */
export function addTlsShow(tls: Command): void {
  tls
    .command('show [certificate]')
    .summary('what a certificate says')
    .description(
      'Subject, addresses, validity, fingerprint of a file, or of the one that the configuration names.',
    )
    .option('--config <file>', 'the configuration')
    .option('--json', 'one JSON document on stdout')
    .action(show)
}

async function show(file: string | undefined, flags: ShowFlags): Promise<void> {
  const path = file === undefined ? await configured(flags) : resolve(file)
  const facts = certificateAt(path)
  if (flags.json === true) printJson({ file: path, ...certificateJson(facts) })
  else
    print(
      formatTable([
        ['file', path],
        ['subject', facts.subject],
        ['issuer', facts.issuer],
        ['addresses', facts.addresses.join(', ') || 'none'],
        ['names', facts.names.join(', ') || 'none'],
        ['valid', `${iso(facts.notBefore)} to ${iso(facts.notAfter)}${standing(facts)}`],
        ['key', facts.key],
        ['SHA-256', facts.sha256],
        ['chain', `${facts.chainLength} certificate${facts.chainLength === 1 ? '' : 's'}`],
      ]),
    )
}

async function configured({ config: file }: ShowFlags): Promise<string> {
  if (file === undefined) throw new CliError('name a certificate, or --config FILE', EXIT.usage)
  const { https } = (await requireStateConfig({ config: file })).server
  if (https === undefined) throw new CliError(`${file} has no server.boot.https`)
  return https.certificate
}

/** A CliError when there is none. */
export function certificateAt(path: string): CertificateFacts {
  let data: Buffer
  try {
    data = readFileSync(path)
  } catch (error) {
    throw new CliError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  const facts = describeCertificate(data)
  if (facts === undefined) throw new CliError(`${path} has no certificate in PEM or DER form`)
  return facts
}

/** For `--json`: times as ISO 8601 in UTC, digests in hex. */
export function certificateJson(facts: CertificateFacts): Readonly<Record<string, unknown>> {
  return { ...facts, notBefore: iso(facts.notBefore), notAfter: iso(facts.notAfter) }
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z')
}

function standing({ notBefore, notAfter }: CertificateFacts): string {
  const now = Date.now()
  if (now > notAfter) return ': expired'
  return now < notBefore ? ': not yet' : `: ${Math.floor((notAfter - now) / 86_400_000)} days left`
}
