/**
 * Kafka messages as tables: one shape for all versions, the version is an argument, both directions from one table.
 *
 * Laws
 *  P1  what is written at a version and read at that version is the same value, but for fields the version lacks:
 *      those are left out when written and take the table's value when read
 *  P2  a value read has all fields, in the table's order (one hidden class per message)
 *  P3  a length from the wire is compared with the bytes that are there before anything is allocated;
 *      whatever is malformed is PROTOCOL_INVALID
 *  P4  unknown tagged fields are skipped
 *
 * "Flexible" versions (KIP-482) have compact lengths and a list of tagged fields after each struct.
 */
import { type ByteReader, ByteWriter } from '../base/bytes.ts'
import { StreamError } from '../base/errors.ts'

/** How one kind of value is written and read. */
export interface Type<T> {
  write(writer: ByteWriter, value: T, version: number, flexible: boolean): void
  read(reader: ByteReader, version: number, flexible: boolean): T
}

/** A type whose bytes begin with a length, where -1 (compact: 0) may stand for null. */
export interface LengthType<T> extends Type<T> {
  readonly orNull: Type<T | null>
}

/** A field that some versions lack, or that is tagged. */
export interface Field<T, Tagged extends boolean = false> {
  readonly type: Type<T>
  readonly since: number
  readonly until: number
  /** What a reader finds where the version has no such field. */
  readonly absent: T
  /** The tag, or -1. */
  readonly tag: Tagged extends true ? number : -1
}

type Table = { readonly [name: string]: Type<unknown> | Field<unknown> | Field<unknown, true> }
type ValueOf<F> = F extends Type<infer T> ? T : F extends { readonly type: Type<infer T> } ? T : never
type TaggedNames<T> = {
  [K in keyof T]: T[K] extends { readonly tag: -1 } ? never : T[K] extends { readonly tag: number } ? K : never
}[keyof T]

/** The value a table describes. Tagged fields may be left out when building one. */
export type StructOf<T extends Table> = Flat<
  { readonly [K in Exclude<keyof T, TaggedNames<T>>]: ValueOf<T[K]> } & {
    readonly [K in TaggedNames<T>]?: ValueOf<T[K]>
  }
>
type Flat<T> = { [K in keyof T]: T[K] }

export type Infer<S> = S extends Type<infer T> ? T : never

function invalid(message: string): StreamError {
  return new StreamError('PROTOCOL_INVALID', message)
}

function number(
  write: (writer: ByteWriter, value: number) => void,
  read: (reader: ByteReader) => number,
): Type<number> {
  return { write, read }
}

export const int8 = number(
  (w, v) => w.int8(v),
  (r) => r.int8(),
)
export const int16 = number(
  (w, v) => w.int16(v),
  (r) => r.int16(),
)
export const int32 = number(
  (w, v) => w.int32(v),
  (r) => r.int32(),
)
/** A safe integer inside, saturating on the wire (D7). */
export const int64 = number(
  (w, v) => w.int64(v),
  (r) => r.int64(),
)

export const boolean: Type<boolean> = {
  write: (writer, value) => writer.int8(value ? 1 : 0),
  read: (reader) => reader.int8() !== 0,
}

/** The UUID that stands for none. */
export const zeroUuid = '00000000-0000-0000-0000-000000000000'

/** 16 bytes as lower-case text in the 8-4-4-4-12 form. */
export const uuid: Type<string> = {
  write(writer, value) {
    const hex = value.replaceAll('-', '')
    if (!/^[0-9a-f]{32}$/.test(hex)) throw invalid(`${value} is not a UUID`)
    writer.bytes(Buffer.from(hex, 'hex'))
  },
  read(reader) {
    const at = reader.take(16)
    const hex = reader.buffer.toString('hex', at, at + 16)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  },
}

/** A type with a length in front. `body` writes what follows the length, `size` is that length. */
function lengthType<T>(
  wide: boolean,
  size: (value: T) => number,
  body: (writer: ByteWriter, value: T, size: number, version: number, flexible: boolean) => void,
  read: (reader: ByteReader, size: number, version: number, flexible: boolean) => T,
): LengthType<T> {
  const orNull: Type<T | null> = {
    write(writer, value, version, flexible) {
      const length = value === null ? -1 : size(value)
      if (flexible) writer.unsignedVarint(length + 1)
      else if (wide) writer.int32(length)
      else if (length > 0x7fff) throw invalid(`a text of ${length} bytes does not fit into 32767`)
      else writer.int16(length)
      if (value !== null) body(writer, value, length, version, flexible)
    },
    read(reader, version, flexible) {
      const length = flexible ? reader.unsignedVarint() - 1 : wide ? reader.int32() : reader.int16()
      if (length === -1) return null
      // An element of an array takes one byte at least, so this bounds its count too.
      if (length < 0 || length > reader.remaining) {
        throw invalid(`a length of ${length} at ${reader.position}, where ${reader.remaining} bytes remain`)
      }
      return read(reader, length, version, flexible)
    },
  }
  return {
    orNull,
    write(writer, value, version, flexible) {
      if (value === null || value === undefined) throw invalid('null where the version does not allow it')
      orNull.write(writer, value, version, flexible)
    },
    read(reader, version, flexible) {
      const value = orNull.read(reader, version, flexible)
      if (value === null) throw invalid(`null at ${reader.position}, where the version does not allow it`)
      return value
    },
  }
}

export const string: LengthType<string> = lengthType<string>(
  false,
  (text) => Buffer.byteLength(text),
  (writer, text) => writer.utf8(text),
  (reader, size) => reader.utf8(size),
)

/** Bytes, by reference when read. */
export const bytes: LengthType<Buffer> = lengthType<Buffer>(
  true,
  (buffer) => buffer.length,
  (writer, buffer) => writer.bytes(buffer),
  (reader, size) => reader.bytes(size),
)

/** Whole record batches, by reference when read. */
export const records: Type<Buffer | null> = bytes.orNull

export function array<T>(element: Type<T>): LengthType<readonly T[]> {
  return lengthType<readonly T[]>(
    true,
    (items) => items.length,
    (writer, items, _size, version, flexible) => {
      for (const item of items) element.write(writer, item, version, flexible)
    },
    (reader, size, version, flexible) => {
      const items: T[] = []
      for (let index = 0; index < size; index++) items.push(element.read(reader, version, flexible))
      return items
    },
  )
}

/**
 * May be null, in all versions or in those of the range. `instead`: what other versions say where a value is null;
 * without it, null is refused there.
 */
export function nullable<T>(type: LengthType<T>, versions = '0+', instead: T | null = null): Type<T | null> {
  const { since, until } = range(versions)
  if (since === 0 && until === Number.POSITIVE_INFINITY) return type.orNull
  return {
    write(writer, value, version, flexible) {
      if (version >= since && version <= until) type.orNull.write(writer, value, version, flexible)
      else if (value !== null) type.write(writer, value, version, flexible)
      else if (instead !== null) type.write(writer, instead, version, flexible)
      else throw invalid(`null where version ${version} does not allow it`)
    },
    read(reader, version, flexible) {
      return (version >= since && version <= until ? type.orNull : type).read(reader, version, flexible)
    },
  }
}

/** A field of these versions only: '3+' or '0-12'. `absent` is its value in the others. */
export function from<T>(versions: string, type: Type<T>, absent: NoInfer<T>): Field<T> {
  return { type, ...range(versions), absent: Object.freeze(absent), tag: -1 }
}

/** A tagged field: not written where it has its default value. */
export function tagged<T>(tag: number, versions: string, type: Type<T>, absent: NoInfer<T>): Field<T, true> {
  return { type, ...range(versions), absent: Object.freeze(absent), tag }
}

function range(text: string): { since: number; until: number } {
  const parts = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text)
  if (parts === null) throw invalid(`${text} is not a range of versions`)
  const since = Number(parts[1])
  if (parts[2] !== undefined) return { since, until: Number.POSITIVE_INFINITY }
  return { since, until: parts[3] === undefined ? since : Number(parts[3]) }
}

interface Column {
  readonly name: string
  readonly type: Type<unknown>
  readonly since: number
  readonly until: number
  readonly absent: unknown
  readonly tag: number
}

function column(name: string, entry: Table[string]): Column {
  if ('type' in entry) return { name, ...entry }
  return { name, type: entry, since: 0, until: Number.POSITIVE_INFINITY, absent: undefined, tag: -1 }
}

/** Fields in the order of the wire; tagged ones may stand anywhere. */
export function struct<T extends Table>(table: T): Type<StructOf<T>> {
  const columns = Object.entries(table).map(([name, entry]) => column(name, entry))
  const tags = columns.filter((field) => field.tag >= 0)
  return {
    write(writer, value, version, flexible) {
      const fields = value as Readonly<Record<string, unknown>>
      for (const { name, type, since, until, tag } of columns) {
        if (tag < 0 && version >= since && version <= until) type.write(writer, fields[name], version, flexible)
      }
      if (flexible) writeTags(writer, tags, fields, version)
    },
    read(reader, version, flexible) {
      const fields: Record<string, unknown> = {}
      for (const { name, type, since, until, tag, absent } of columns) {
        const there = tag < 0 && version >= since && version <= until
        fields[name] = there ? type.read(reader, version, flexible) : absent
      }
      if (flexible) readTags(reader, tags, fields, version)
      return fields as StructOf<T>
    },
  }
}

function writeTags(
  writer: ByteWriter,
  tags: readonly Column[],
  fields: Readonly<Record<string, unknown>>,
  version: number,
): void {
  const written = tags.filter(({ name, since, until, absent }) => {
    return version >= since && version <= until && fields[name] !== undefined && !same(fields[name], absent)
  })
  writer.unsignedVarint(written.length)
  for (const { name, type, tag } of written.sort((left, right) => left.tag - right.tag)) {
    const content = new ByteWriter(64)
    type.write(content, fields[name], version, true)
    writer.unsignedVarint(tag)
    writer.unsignedVarint(content.position)
    writer.bytes(content.view())
  }
}

function readTags(reader: ByteReader, tags: readonly Column[], fields: Record<string, unknown>, version: number): void {
  let count = reader.unsignedVarint()
  if (count * 2 > reader.remaining) throw invalid(`${count} tagged fields, where ${reader.remaining} bytes remain`)
  for (; count > 0; count--) {
    const tag = reader.unsignedVarint()
    const size = reader.unsignedVarint()
    const end = reader.position + size
    if (size > reader.remaining) throw invalid(`a tagged field of ${size} bytes, where ${reader.remaining} remain`)
    const known = tags.find((field) => field.tag === tag && version >= field.since && version <= field.until)
    if (known === undefined) reader.take(size)
    else fields[known.name] = known.type.read(reader, version, true)
    if (reader.position !== end) throw invalid(`tagged field ${tag} does not end where it says`)
  }
}

/** Deep equality of plain values: is a tagged field at its default? */
function same(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  const names = Object.keys(left)
  if (names.length !== Object.keys(right).length) return false
  return names.every((name) => same((left as Record<string, unknown>)[name], (right as Record<string, unknown>)[name]))
}
