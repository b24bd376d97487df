import { z } from 'zod'
import { ConfigSchema, IncludedSchema } from './schema.ts'

type JsonSchema = Readonly<Record<string, unknown>>

/**
 * The JSON Schema (draft 2020-12) of what an operator writes, for editors: every key with its description. It knows
 * shapes alone; what crosses keys (references, addresses in subnets) only `validate` can tell.
 */
export function configJsonSchema(which: 'main' | 'included'): JsonSchema {
  const schema = z.toJSONSchema(which === 'main' ? ConfigSchema : IncludedSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (isListOf(zodSchema)) sayOneOrMany(jsonSchema)
    },
  })
  const { $schema, properties, ...rest } = schema
  const sections = Object.entries(properties ?? {}).map(([key, value]) => [
    key,
    key === 'version' || typeof value === 'boolean' ? value : orEmpty(value),
  ])
  const title = which === 'main' ? 'centra-pxe.yaml' : 'A file that centra-pxe.yaml includes'
  return { $schema, title, ...rest, properties: Object.fromEntries(sections) }
}

/** Made by `z.preprocess`, which the schema uses for lists that may be a single value. */
function isListOf({ _zod: { def } }: z.core.$ZodTypes): boolean {
  return def.type === 'pipe' && def.in._zod.def.type === 'transform'
}

function sayOneOrMany(jsonSchema: z.core.JSONSchema.BaseSchema): void {
  const { type, items, minItems } = jsonSchema
  if (type !== 'array' || typeof items !== 'object' || Array.isArray(items)) return
  delete jsonSchema.type
  delete jsonSchema.items
  delete jsonSchema.minItems
  jsonSchema.anyOf = [items, { type, items, ...(minItems === undefined ? {} : { minItems }) }]
}

/** A section with nothing below it is null to YAML, and no section to us (`source.ts`). */
function orEmpty({ description, default: preset, ...section }: z.core.JSONSchema.BaseSchema): JsonSchema {
  return {
    ...(description === undefined ? {} : { description }),
    ...(preset === undefined ? {} : { default: preset }),
    anyOf: [...(section.anyOf ?? [section]), { type: 'null' }],
  }
}
