import { expect } from 'chai'
import { type ErrorCode, StreamError } from '../../src/base/errors.ts'
import { noHeaders, type Serde } from '../../src/base/serde.ts'
import { Producer, type ProducerOptions } from '../../src/client/producer/producer.ts'
import type { RequestOf, ResponseOf } from '../../src/protocol/api.ts'
import type { KafkaError } from '../../src/protocol/error-codes.ts'
import {
  baseSequenceOf,
  crcMatches,
  producerEpochOf,
  producerIdOf,
  recordCountOf,
} from '../../src/records/batch-format.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { produceAnswer, ScriptedConnection } from '../support/scripted-connection.ts'

export const text: Serde<string> = {
  name: 'text',
  encode: (value, into) => into.utf8(value),
  decode: (bytes, start, end) => bytes.utf8Slice(start, end),
}

export async function errorOf(run: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await run
  } catch (error) {
    if (StreamError.is(error)) return error.code
    throw error
  }
  return 'none'
}

/** A log of a few lines behind a scripted connection, with Kafka's rules for sequences. */
export class TinyLog {
  readonly batches: { at: string; sequence: number; count: number; epoch: number; baseOffset: number }[] = []
  readonly #next = new Map<string, number>()
  readonly #sequences = new Map<string, number>()

  /** What Produce is answered, as a broker would. */
  produce(body: RequestOf<'Produce'>, refuse: (at: string) => KafkaError = () => 'NONE'): ResponseOf<'Produce'> {
    const errors = new Map<string, KafkaError>()
    const offsets = new Map<string, number>()
    for (const { name, partitionData } of body.topicData) {
      for (const { index, records } of partitionData) {
        const at = `${name}-${index}`
        const error = refuse(at)
        errors.set(at, error === 'NONE' ? this.#append(at, records!, offsets) : error)
      }
    }
    const at = (topic: string, partition: number): string => `${topic}-${partition}`
    return produceAnswer(
      body,
      (topic, partition) => offsets.get(at(topic, partition))!,
      (topic, partition) => errors.get(at(topic, partition))!,
    )
  }

  #append(at: string, records: Buffer, offsets: Map<string, number>): KafkaError {
    expect(crcMatches(records, 0)).to.equal(true)
    const sequence = baseSequenceOf(records, 0)
    const epoch = producerEpochOf(records, 0)
    const count = recordCountOf(records, 0)
    const known = this.batches.find((batch) => batch.at === at && batch.sequence === sequence && batch.epoch === epoch)
    if (known !== undefined && sequence >= 0) {
      offsets.set(at, known.baseOffset)
      return 'NONE'
    }
    const id = `${at}/${producerIdOf(records, 0)}/${epoch}`
    if (sequence >= 0 && sequence !== (this.#sequences.get(id) ?? 0)) return 'OUT_OF_ORDER_SEQUENCE_NUMBER'
    const baseOffset = this.#next.get(at) ?? 0
    this.#next.set(at, baseOffset + count)
    this.#sequences.set(id, sequence + count)
    this.batches.push({ at, sequence, count, epoch, baseOffset })
    offsets.set(at, baseOffset)
    return 'NONE'
  }

  recordsIn(at: string): number {
    return this.#next.get(at) ?? 0
  }
}

export interface World {
  readonly log: TinyLog
  readonly clock: ManualClock
  readonly connection: ScriptedConnection
  readonly producer: Producer
}

export function world(options: ProducerOptions = {}): World {
  const log = new TinyLog()
  const clock = new ManualClock()
  const connection = new ScriptedConnection().on('Produce', (body) => log.produce(body))
  return { log, clock, connection, producer: new Producer(connection, { clock, ...options }) }
}

export function append(producer: Producer, partition: number, value: string): void {
  producer.append('t', partition, 5, null, text, value, text, noHeaders)
}

/** Moves time until the promise is settled. */
export async function settle<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let done = false
  const watched = promise.finally(() => {
    done = true
  })
  watched.catch(() => undefined)
  for (let step = 0; step < 2000 && !done; step++) await clock.pass(50)
  return watched
}
