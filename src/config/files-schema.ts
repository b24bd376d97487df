import { z } from 'zod'
import { err, ok, type Result } from '../lib/result.ts'
import { read } from './shapes.ts'

/** Letters, digits, `.` and `-`; a port; a path of characters that iPXE and GRUB carry as they are. */
const BASE = /^https?:\/\/[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(\/[A-Za-z0-9_.~-]+)*\/?$/
const EXAMPLE = 'such as http://files.example.org/boot'

/** Without a slash at the end. */
function readBase(text: string): Result<string, string> {
  const problem = baseProblem(text)
  return problem === undefined ? ok(text.replace(/\/$/, '')) : err(problem)
}

function baseProblem(text: string): string | undefined {
  if (!/^https?:\/\//.test(text))
    return `expected an address of http:// or https://, ${EXAMPLE}, got "${text}"`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) return `"${text}" is no address, ${EXAMPLE}`
  if (url.username !== '' || url.password !== '' || text.includes('@'))
    return 'has a user name or a password, which every machine could read; the files must be readable without'
  if (/[?#]/.test(text)) return 'has a query or a fragment; the path of each file is put behind it'
  if (!BASE.test(text) || /\/\.{1,2}(\/|$)/.test(text))
    return `has characters that boot loaders cannot carry: letters, digits, ".", "_", "~" and "-" can be in its path`
  return undefined
}

const url = read(`an address, ${EXAMPLE}`, readBase, BASE.source).describe(
  'What stands before /images/NAME/SHA256/FILE there; centra-pxe image export makes the files',
)

/** `files: URL`, or both keys. */
export const FilesSchema = z
  .union(
    [
      url,
      z.strictObject({
        url,
        by: z
          .enum(['script', 'redirect'], 'expected script or redirect')
          .default('script')
          .describe('script: iPXE and GRUB are told the address; redirect: iPXE alone, by an answer of ours'),
      }),
    ],
    { error: ({ input, ...issue }) => unionProblem(input, issue) },
  )
  .transform((value) => (typeof value === 'string' ? { url: value, by: 'script' as const } : value))

/** What is wrong with the form that was tried: an error of a union names both otherwise. */
function unionProblem(input: unknown, issue: { readonly errors?: unknown }): string {
  const isText = typeof input === 'string'
  const isMap = typeof input === 'object' && input !== null && !Array.isArray(input)
  const forms = Array.isArray(issue.errors) ? issue.errors : []
  const tried: z.core.$ZodIssue | undefined = forms[isText ? 0 : 1]?.[0]
  if (tried === undefined || !(isText || isMap)) return `expected an address, ${EXAMPLE}, or url: and by:`
  return [...tried.path, tried.message].join(': ')
}
