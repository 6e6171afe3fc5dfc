import type { ByteWriter } from './bytes.ts'

/**
 * How values of one type become bytes, and back. Serdes never see null: null is a tombstone and is handled around them.
 * `decode` reads straight from `buffer[start, end)`; what it returns must not keep that buffer alive.
 * `name` takes part in a store's fingerprint.
 */
export interface Serde<T> {
  readonly name: string
  encode(value: T, into: ByteWriter): void
  decode(bytes: Buffer, start: number, end: number): T
}

/** A header of a record; values are bytes or null. */
export interface Header {
  readonly key: string
  readonly value: Buffer | null
}

export type Headers = readonly Header[]

/** The one empty list: most records have no headers, and none of them allocates. */
export const noHeaders: Headers = Object.freeze([])
