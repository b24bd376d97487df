import { z } from 'zod'
import { FILE_NAME } from '../model/names.ts'
import { CLIENT_ARCHES } from '../protocol/iana/arch.ts'

/** ONIE's switches name no architecture of IANA's. */
const LOADER_KEYS: readonly string[] = [...CLIENT_ARCHES.map(({ name: arch }) => arch), 'onie']

/** `file` and option 67 carry it, TFTP and HTTP publish it: 127 octets and no folders. */
export const LoaderNameSchema = z
  .string('expected the file name of a loader, such as my.efi')
  .regex(FILE_NAME, 'expected a file name of letters, digits, "_", ".", "+", "~" and "-", without folders')
  .max(127, 'expected at most 127 characters')

const loaderKey = z.string().regex(new RegExp(`^(${LOADER_KEYS.join('|')})$`))

/** What a node, a profile or a network names in the place of the table's loader. */
export const LoaderSchema = z.union([LoaderNameSchema, z.record(loaderKey, LoaderNameSchema)], {
  error: ({ input }) => {
    const isMap = typeof input === 'object' && input !== null && !Array.isArray(input)
    const unknown = Object.keys(isMap ? input : {}).find((key) => !LOADER_KEYS.includes(key))
    return unknown === undefined
      ? 'expected a file name such as my.efi, or file names by architecture such as uefi-x64: my.efi'
      : `there is no architecture ${unknown}; there are ${LOADER_KEYS.join(', ')}`
  },
})
