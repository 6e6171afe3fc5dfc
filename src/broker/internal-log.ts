/**
 * A partition that the broker keeps its own state in: keyed records in, replayed at open.
 *
 * Laws
 *  I1  `append` returns once the operating system has the records; `sync` once the disk has them
 *  I2  replay gives every record and every control batch, once, in the order of their offsets
 */

import type { Clock } from '../base/clock.ts'
import { StreamError } from '../base/errors.ts'
import { internalReadBytes } from '../base/limits.ts'
import { noHeaders } from '../base/serde.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { BatchBuilder, type BatchHeader } from '../records/batch-builder.ts'
import { BatchCursor } from '../records/batch-cursor.ts'
import { batchSize, isControl, isTransactional, lastOffsetOf, producerIdOf } from '../records/batch-format.ts'
import { decodeControl } from '../records/control-record.ts'

export interface KeyedRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

export interface ReplayVisitor {
  /** `producerId` is that of the transaction, -1 outside one. `offset` is the record's. */
  record(key: Buffer, value: Buffer | null, offset: number, producerId: number): void
  marker(producerId: number, commit: boolean): void
}

const plain: BatchHeader = { producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false }

/**
 * The content of an internal log is damaged: only its coordinator stops, with this error. A newer format, and whatever is
 * no error of the world, stops the start.
 */
export function damageOf(error: unknown): StreamError {
  if (!StreamError.is(error) || error.code === 'LOG_FORMAT_NEWER') throw error
  return error
}

export class InternalLog {
  readonly #clock: Clock
  readonly #log: PartitionLog
  readonly #builder: BatchBuilder

  constructor(clock: Clock, log: PartitionLog, batchBytesMax: number) {
    this.#clock = clock
    this.#log = log
    this.#builder = new BatchBuilder({ bytesMax: batchBytesMax })
  }

  get log(): PartitionLog {
    return this.#log
  }

  /** Appends the records, inside the producer's transaction when one is given. Returns the offset of the first. */
  append(
    records: readonly KeyedRecord[],
    producer: { producerId: number; producerEpoch: number } | null = null,
  ): number {
    const header = producer === null ? plain : { ...producer, baseSequence: -1, transactional: true }
    const nowMs = this.#clock.now()
    let first = -1
    this.#builder.reset()
    const flush = (): void => {
      const result = this.#log.append(this.#builder.build(header), { origin: 'coordinator' })
      if (first < 0) first = result.baseOffset
    }
    for (const record of records) {
      if (this.#lay(nowMs, record)) continue
      flush()
      this.#lay(nowMs, record)
    }
    if (this.#builder.recordCount > 0) flush()
    return first
  }

  #lay(nowMs: number, { key, value }: KeyedRecord): boolean {
    return this.#builder.appendBytes(nowMs, key, 0, key.length, value, 0, value === null ? 0 : value.length, noHeaders)
  }

  sync(): Promise<void> {
    return this.#log.sync()
  }

  replay(visitor: ReplayVisitor): void {
    const cursor = new BatchCursor()
    const end = this.#log.endOffset
    let next = this.#log.startOffset
    while (next < end) {
      const read = this.#log.read(next, internalReadBytes, { isolation: 'readUncommitted', minOneBatch: true })
      if (read.records.length === 0) return
      for (let at = 0; at < read.records.length; at += batchSize(read.records, at)) {
        if (lastOffsetOf(read.records, at) < next) continue
        this.#visit(cursor, read.records, at, visitor)
        next = lastOffsetOf(read.records, at) + 1
      }
    }
  }

  #visit(cursor: BatchCursor, batch: Buffer, at: number, visitor: ReplayVisitor): void {
    const producerId = producerIdOf(batch, at)
    if (isControl(batch, at)) {
      const control = decodeControl(batch, at)
      if (control !== null) visitor.marker(producerId, control.type === 'commit')
      return
    }
    const transaction = isTransactional(batch, at) ? producerId : -1
    cursor.open(batch, at)
    while (cursor.next()) {
      if (cursor.keyStart < 0) continue
      const key = cursor.buffer.subarray(cursor.keyStart, cursor.keyEnd)
      const value = cursor.valueStart < 0 ? null : cursor.buffer.subarray(cursor.valueStart, cursor.valueEnd)
      visitor.record(key, value, cursor.offset, transaction)
    }
  }
}
