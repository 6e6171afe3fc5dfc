import type { ByteWriter } from './bytes.ts'

/**
 * How values of one type become bytes, and back. Serdes never see null: null is a tombstone and is handled around them.
 * `decode` reads straight from `buffer[start, end)`; what it returns must not keep that buffer alive.
 * `name` takes part in a store's fingerprint.
 *
 * `fits` says, without writing, that `encode` takes the value. Where there is none a store encodes each text and number it is
 * given, so that what cannot be written is refused with its record and not at the commit.
 */
export interface Serde<T> {
  readonly name: string
  encode(value: T, into: ByteWriter): void
  decode(bytes: Buffer, start: number, end: number): T
  fits?(value: T): boolean
}

/** A header of a record; values are bytes or null. */
export interface Header {
  readonly key: string
  readonly value: Buffer | null
}

export type Headers = readonly Header[]

/** The one empty list: most records have no headers, and none of them allocates. */
export const noHeaders: Headers = Object.freeze([])
