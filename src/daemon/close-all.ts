export type Closer = () => Promise<void>

/** In reverse, one after another, and all of them: `onFault` is told of each that fails. Never rejects. */
export async function closeAll(closers: readonly Closer[], onFault: (error: unknown) => void): Promise<void> {
  for (const closer of closers.toReversed())
    try {
      await closer()
    } catch (error) {
      onFault(error)
    }
}
