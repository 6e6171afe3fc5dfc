/**
 * The packed row of one key and bucket: windows sorted by start, in chunks of at most `rowChunkBytesMax`, each chunk one
 * row of the engine.
 *
 *   chunk := flags (bit 0: another chunk follows) entry*
 *   entry := int64 start ‖ int64 timestamp ‖ uint32 length ‖ value
 *
 * Laws
 *  P1  starts rise within a chunk and from chunk to chunk
 *  P2  every chunk but the last has the flag, the last has not
 */
import { assert } from '../../src/base/assert.ts'
import { type ByteWriter, readInt64, writeInt64 } from '../../src/base/bytes.ts'
import { StreamError } from '../../src/base/errors.ts'
import { rowChunkBytesMax } from '../../src/base/limits.ts'
import { noBytes } from '../table-entry.ts'

export const flagBytes = 1
export const entryHeadBytes = 20
const continuedFlag = 1

/** A window's new content; a start of -1 removes it. Lists of changes are sorted by `startMs`. */
export interface RowChange {
  readonly startMs: number
  readonly timestamp: number
  readonly buffer: Buffer
  readonly start: number
  readonly end: number
}

export function isContinued(chunk: Buffer, at: number): boolean {
  return (chunk[at]! & continuedFlag) !== 0
}

/** Where the entry after the one at `at` begins. */
export function nextEntry(chunk: Buffer, at: number, end: number): number {
  const next = at + entryHeadBytes <= end ? at + entryHeadBytes + chunk.readUInt32BE(at + 16) : end + 1
  if (next > end) {
    throw new StreamError('STORE_CORRUPT', 'a row of windows ends too early; remove the state folder to restore it')
  }
  return next
}

/** Where the entry of that start begins within `chunk[at, end)`, whose flags were left out; -1 when there is none. */
export function findEntry(chunk: Buffer, at: number, end: number, startMs: number): number {
  for (let position = at; position < end; position = nextEntry(chunk, position, end)) {
    const found = readInt64(chunk, position)
    if (found >= startMs) return found === startMs ? position : -1
  }
  return -1
}

/** The largest start within `chunk[at, end)`; -1 when it is empty. */
export function lastStartOf(chunk: Buffer, at: number, end: number): number {
  let last = -1
  for (let position = at; position < end; position = nextEntry(chunk, position, end)) last = position
  return last < 0 ? -1 : readInt64(chunk, last)
}

/** Writes the entries of `chunk[at, end)` with the changes `[from, to)` worked in. */
export function mergeEntries(
  writer: ByteWriter,
  chunk: Buffer,
  at: number,
  end: number,
  changes: readonly RowChange[],
  from: number,
  to: number,
): void {
  let index = from
  let kept = at
  for (let position = at; position < end && index < to; ) {
    const startMs = readInt64(chunk, position)
    const next = nextEntry(chunk, position, end)
    const change = changes[index]!
    if (startMs < change.startMs) {
      position = next
      continue
    }
    writer.bytes(chunk, kept, position)
    writeChange(writer, change)
    index++
    if (startMs === change.startMs) position = next
    kept = position
  }
  if (kept < end) writer.bytes(chunk, kept, end)
  for (; index < to; index++) writeChange(writer, changes[index]!)
}

function writeChange(writer: ByteWriter, change: RowChange): void {
  const { start, end } = change
  if (start < 0) return
  const length = end - start
  writer.ensure(entryHeadBytes + length)
  const { buffer, position } = writer
  writeInt64(buffer, change.startMs, position)
  writeInt64(buffer, change.timestamp, position + 8)
  buffer.writeUInt32BE(length, position + 16)
  writer.position = position + entryHeadBytes
  writer.bytes(change.buffer, start, end)
}

/**
 * The chunks with the changes worked in. A chunk that nothing touched is given back as it is (the same Buffer). A last
 * chunk that has grown too large is split; when an inner one has doubled, all are cut anew.
 */
export function mergeChunks(writer: ByteWriter, chunks: readonly Buffer[], changes: readonly RowChange[]): Buffer[] {
  const pieces: Buffer[] = []
  let from = 0
  let doubled = false
  for (const [index, chunk] of chunks.entries()) {
    const following = chunks[index + 1]
    let to = from
    if (following === undefined) to = changes.length
    else while (to < changes.length && changes[to]!.startMs < firstStartOf(following)) to++
    if (to === from) pieces.push(chunk)
    else {
      writer.reset()
      writer.int8(0)
      mergeEntries(writer, chunk, flagBytes, chunk.length, changes, from, to)
      pieces.push(writer.copy())
      if (following !== undefined && writer.position > 2 * rowChunkBytesMax) doubled = true
    }
    from = to
  }
  if (chunks.length === 0) {
    writer.reset()
    writer.int8(0)
    mergeEntries(writer, noBytes, 0, 0, changes, 0, changes.length)
    pieces.push(writer.copy())
  }
  return linked(doubled ? cut(joined(pieces)) : [...pieces.slice(0, -1), ...cut(pieces.at(-1)!)])
}

/** Infinity when it is empty: all changes then go before it. */
function firstStartOf(chunk: Buffer): number {
  return chunk.length > flagBytes ? readInt64(chunk, flagBytes) : Number.POSITIVE_INFINITY
}

function joined(pieces: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.alloc(flagBytes), ...pieces.map((piece) => piece.subarray(flagBytes))])
}

/** Cuts at entries, each piece as large as allowed; an entry that is larger alone is a piece of its own. */
function cut(chunk: Buffer): Buffer[] {
  if (chunk.length <= rowChunkBytesMax) return [chunk]
  const pieces: Buffer[] = []
  let from = flagBytes
  for (let position = flagBytes; position < chunk.length; ) {
    const next = nextEntry(chunk, position, chunk.length)
    if (position > from && next - from + flagBytes > rowChunkBytesMax) {
      pieces.push(Buffer.concat([Buffer.alloc(flagBytes), chunk.subarray(from, position)]))
      from = position
    }
    position = next
  }
  pieces.push(Buffer.concat([Buffer.alloc(flagBytes), chunk.subarray(from)]))
  return pieces
}

/** Empty chunks go, and the flags are put right (P2). */
function linked(pieces: readonly Buffer[]): Buffer[] {
  const filled = pieces.filter((piece) => piece.length > flagBytes)
  return filled.map((piece, index) => {
    const flag = index < filled.length - 1 ? continuedFlag : 0
    if (piece[0] === flag) return piece
    const right = Buffer.from(piece)
    right[0] = flag
    assert(right.length > flagBytes, 'P2: no chunk is empty')
    return right
  })
}
