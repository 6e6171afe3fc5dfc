/**
 * By what a key is looked up in memory. Two keys with the same bytes are one key; a Map compares JavaScript values.
 *
 * Keys of the built-in serdes of texts, whole numbers and booleans are their own identity: equal values have equal bytes
 * and different values different bytes. The one exception, text with lone surrogates, is made canonical when it is first
 * seen (`canonical`). Every other key goes by its bytes, as a latin1 string.
 */
import type { ByteWriter } from '../src/base/bytes.ts'
import type { Serde } from '../src/base/serde.ts'
import { bigint64, boolean, int32, int64, string } from '../src/serdes/index.ts'

const selfIdentical: ReadonlySet<unknown> = new Set([string, int32, int64, bigint64, boolean])

/** Does a key of this serde stand for itself in a Map? */
export function isSelfIdentical(serde: Serde<unknown>): boolean {
  return selfIdentical.has(serde)
}

/** The key that has these bytes: the one given, unless it is text that UTF-8 cannot hold. */
export function canonical<K>(key: K, serde: Serde<K>, encoded: ByteWriter, start: number): K {
  // ASCII has as many bytes as characters.
  if (typeof key !== 'string' || encoded.position - start === key.length) return key
  return serde.decode(encoded.buffer, start, encoded.position)
}
