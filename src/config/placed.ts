import type { z } from 'zod'
import { NameSchema } from './shapes.ts'
import { type ConfigSource, isRecord, type Path } from './source.ts'

/** A value that has the right shape, with its place. Names are taken from here even where the rest is wrong. */
export interface Placed<T> {
  readonly value: T
  readonly source: ConfigSource
  readonly path: Path
}

/** The items of a list as far as they are well-formed; the rest has had its errors from the schema. */
export function items<T>(source: ConfigSource, key: string, schema: z.ZodType<T>): readonly Placed<T>[] {
  const list = source.section(key)
  if (!Array.isArray(list)) return []
  return list.flatMap((item, index) => {
    const value = wellFormed(item, schema)
    return value === undefined ? [] : [{ value, source, path: [key, index] }]
  })
}

/** The same of a map whose keys are names. */
export function entries<T>(
  source: ConfigSource,
  key: string,
  schema: z.ZodType<T>,
): readonly (Placed<T> & { name: string })[] {
  const record = source.section(key)
  if (!isRecord(record)) return []
  return Object.entries(record).flatMap(([name, value]) => {
    const parsed = NameSchema.safeParse(name).success ? wellFormed(value, schema) : undefined
    return parsed === undefined ? [] : [{ name, value: parsed, source, path: [key, name] }]
  })
}

/** What is right in an item: a wrong key has its error already, and shall not hide those of the other keys. */
function wellFormed<T>(item: unknown, schema: z.ZodType<T>): T | undefined {
  const parsed = schema.safeParse(item)
  if (parsed.success || !isRecord(item)) return parsed.data
  const wrong = new Set(
    parsed.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : issue.path.slice(0, 1),
    ),
  )
  return schema.safeParse(Object.fromEntries(Object.entries(item).filter(([key]) => !wrong.has(key)))).data
}
