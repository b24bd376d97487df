import { err, ok, type Result } from '../lib/result.ts'
import { readPlaceholders } from '../model/variables.ts'

/** Addresses that loaders are given: `{{variables}}` may stand in them, and whatever else is in them is a word to iPXE and GRUB. */

/** What stands for a variable while the form around it is checked. */
const SAMPLES: Readonly<Record<string, string>> = {
  'server.url': 'http://192.0.2.1:8080',
  'documents.url': 'http://192.0.2.1:8080/documents/x/',
}

/** The text with a word in place of each variable; the error is one sentence. */
function withSamples(text: string): Result<string, string> {
  const parts = readPlaceholders(text)
  if (!parts.ok) return err(parts.error.message)
  return ok(
    parts.value.map((part) => (typeof part === 'string' ? part : (SAMPLES[part.variable] ?? 'x1'))).join(''),
  )
}

const URL_TEXT = /^(https?|tftp):\/\/[A-Za-z0-9.-]+(:[0-9]{1,5})?(\/[A-Za-z0-9_./:?&=,+~%@()-]*)?$/

/** `http`, `https` or `tftp`, without a user name. */
export function parseBootUrl(text: string): Result<string, string> {
  const sample = withSamples(text)
  if (!sample.ok) return sample
  return URL_TEXT.test(sample.value) && URL.canParse(sample.value)
    ? ok(text)
    : err(`expected an address such as http://10.77.0.9/boot.ipxe, got ${JSON.stringify(text)}`)
}

/** RFC 4173 §5: `iscsi:` server, protocol, port, LUN and target name. */
const ISCSI =
  /^iscsi:[A-Za-z0-9.-]+:[0-9]{0,3}:[0-9]{0,5}:[0-9A-Fa-f-]{0,19}:(iqn|eui|naa)\.[A-Za-z0-9.:-]{1,220}$/

/** The address of an ISO or disk image, or an iSCSI target. */
export function parseSanTarget(text: string): Result<string, string> {
  if (!text.startsWith('iscsi:')) return parseBootUrl(text)
  const sample = withSamples(text)
  if (!sample.ok) return sample
  return ISCSI.test(sample.value)
    ? ok(text)
    : err(
        `expected iscsi:SERVER:PROTOCOL:PORT:LUN:TARGET, such as iscsi:10.77.0.9::3260:0:iqn.2026-01.example:disk, got ${JSON.stringify(text)}`,
      )
}

/** RFC 3720 §3.2.6.3. */
const INITIATOR =
  /^(iqn\.[0-9]{4}-[0-9]{2}\.[A-Za-z0-9.-]+(:[A-Za-z0-9.:-]+)?|(eui|naa)\.[0-9A-Fa-f]{16,32})$/

/** An iSCSI initiator's name, with variables left as they are; at most 223 characters. The error is one sentence. */
export function parseInitiator(text: string): Result<string, string> {
  const sample = withSamples(text)
  if (!sample.ok) return sample
  return INITIATOR.test(sample.value) && text.length <= 223
    ? ok(text)
    : err(
        `expected an initiator's name such as iqn.2026-01.example:{{node.name}}, got ${JSON.stringify(text)}`,
      )
}
