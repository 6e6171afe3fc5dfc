/**
 * The chunks of a packed row in the engine: the row's key ends in the number of the chunk.
 */
import { StreamError } from '../../src/base/errors.ts'
import { chunkBytes } from './bucket.ts'
import { isContinued } from './packed-row.ts'

/** The key of a row's chunk, given that of the first one. */
export function chunkKeyOf(rowKey: Buffer, index: number): Buffer {
  if (index === 0) return rowKey
  const key = Buffer.from(rowKey)
  key.writeUInt16BE(index, key.length - chunkBytes)
  return key
}

/** The chunks after the first. `engine` is one, or a snapshot of it. */
export function readRest(
  engine: { get(key: Buffer): Buffer | undefined },
  rowKey: Buffer,
  first: Buffer,
): readonly Buffer[] {
  if (!isContinued(first, 0)) return noChunks
  const rest: Buffer[] = []
  for (let last = first; isContinued(last, 0); rest.push(last)) {
    const following = engine.get(chunkKeyOf(rowKey, rest.length + 1))
    if (following === undefined) {
      throw new StreamError('STORE_CORRUPT', 'a row of windows has lost its end; remove the state folder to restore it')
    }
    last = following
  }
  return rest
}

/** Of a row that has no more than one. */
export const noChunks: readonly Buffer[] = []
