import { z } from 'zod'
import { DOCUMENT_KINDS } from '../model/document.ts'

const path = z.string('expected a path').min(1, 'expected a path')

/** One of `documents:`. Whether its files are there, and whether they are well-formed, is looked at by `loadDocuments`. */
export const DocumentSchema = z.strictObject({
  kind: z
    .enum(DOCUMENT_KINDS, `expected ${DOCUMENT_KINDS.slice(0, -1).join(', ')} or ${DOCUMENT_KINDS.at(-1)}`)
    .describe('What reads it'),
  file: path.describe(
    'The template; of cloud-init and autoinstall the user-data. Relative paths count from this file',
  ),
  metaData: path.optional().describe("cloud-init's meta-data; default: instance-id and local-hostname"),
  vendorData: path.optional().describe("cloud-init's vendor-data; default: nothing"),
  networkConfig: path.optional().describe("cloud-init's network-config; default: none is there"),
  public: z
    .boolean('expected true or false')
    .default(false)
    .describe(
      'Whether anybody gets it who asks, not the machine alone whose lease asks; only without secrets',
    ),
})
