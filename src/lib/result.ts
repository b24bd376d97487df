/** The outcome of reading something that others wrote: a value, or why there is none. Never thrown. */
export type Result<T, E> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E }

/** A result with a value; the narrow type makes it fit any `Result`, whatever its error. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value }
}

/** A result without a value. The error is data for the caller to show or count, not an `Error` to throw. */
export function err<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error }
}
