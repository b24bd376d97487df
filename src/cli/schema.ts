import type { Command } from 'commander'
import { SCHEMA_FILE } from '../config/first-config.ts'
import { configJsonSchema } from '../config/json-schema.ts'
import { printJson } from './output.ts'

/** `schema`: out of the same zod schemas by which configurations are checked. */
export function addSchema(program: Command): void {
  program
    .command('schema')
    .summary('the JSON Schema of the configuration, for editors')
    .description(
      'Prints the JSON Schema (draft 2020-12) of centra-pxe.yaml: an editor completes and explains its keys with it. ' +
        'What crosses keys, such as an address outside its subnet, only validate can tell.',
    )
    .option('--included', 'the schema of the files that include: names')
    .addHelpText(
      'after',
      `
Editors with yaml-language-server find the schema by a comment at the top of the configuration:
  centra-pxe schema > ${SCHEMA_FILE}
  # yaml-language-server: $schema=${SCHEMA_FILE}`,
    )
    .action(({ included }: { included?: boolean }) => {
      printJson(configJsonSchema(included ? 'included' : 'main'))
    })
}
