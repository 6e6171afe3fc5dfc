/**
 * `npm run -s segments -- DIR` writes partitions that have everything the log can hold, in Kafka's layout
 * (`DIR/TOPIC-PARTITION/`), for Kafka's own tools to read. Prints what it wrote. Same bytes each time but for times.
 */
import { StreamError } from '../../src/base/errors.ts'
import { type Machine, systemMachine } from '../../src/base/machine.ts'
import { SeededRandom } from '../../src/base/random.ts'
import { type Headers, noHeaders } from '../../src/base/serde.ts'
import type { LogConfig } from '../../src/log/log-config.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { BatchBuilder, type BatchHeader, plainHeader } from '../../src/records/batch-builder.ts'
import { encodeControlBatch } from '../../src/records/control-record.ts'

const startMs = Date.UTC(2001, 0, 14, 21, 55)
const config: LogConfig = {
  segmentBytes: 32 * 1024,
  segmentMs: 7 * 24 * 3_600_000,
  indexIntervalBytes: 1024,
  messageTimestampType: 'CreateTime',
  maxMessageBytes: 1024 * 1024,
  flush: 'sync',
  compacted: false,
}
const client = { origin: 'client' } as const
const random = new SeededRandom(42)

let clockMs = startMs

interface Shape {
  readonly records: number
  readonly compression?: 'none' | 'gzip'
  readonly nulls?: boolean
  readonly headers?: boolean
}

/** A batch of made-up flights; times rise, now and then one steps back. */
function batch(shape: Shape, header: BatchHeader): Buffer {
  const builder = new BatchBuilder({ bytesMax: config.maxMessageBytes, compression: shape.compression ?? 'none' })
  for (let index = 0; index < shape.records; index++) {
    clockMs += 1000
    const timestampMs = index % 7 === 6 ? clockMs - 5000 : clockMs
    const key = shape.nulls === true && index % 3 === 0 ? null : Buffer.from(`key-${random.int(100)}`)
    const value =
      shape.nulls === true && index % 3 === 1 ? null : Buffer.from(`value ${index} ${'x'.repeat(random.int(200))}`)
    const headers: Headers =
      shape.headers === true
        ? [
            { key: 'traceparent', value: Buffer.from(`00-${index}`) },
            { key: 'empty', value: null },
          ]
        : noHeaders
    builder.appendBytes(timestampMs, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers)
  }
  return builder.build(header)
}

/** An idempotent producer that counts its sequences. */
class Sequenced {
  readonly producerId: number
  readonly transactional: boolean
  #sequence = 0

  constructor(producerId: number, transactional: boolean) {
    this.producerId = producerId
    this.transactional = transactional
  }

  append(log: PartitionLog, shape: Shape): void {
    const header = {
      producerId: this.producerId,
      producerEpoch: 0,
      baseSequence: this.#sequence,
      transactional: this.transactional,
    }
    this.#sequence += shape.records
    log.append(batch(shape, header), client)
  }

  end(log: PartitionLog, type: 'commit' | 'abort'): void {
    log.appendControl(encodeControlBatch(type, this.producerId, 0, 1, clockMs), 1)
  }
}

function writePlain(log: PartitionLog): void {
  for (let round = 0; round < 60; round++) {
    log.append(
      batch(
        {
          records: 20,
          compression: round % 3 === 0 ? 'gzip' : 'none',
          nulls: round % 4 === 1,
          headers: round % 5 === 2,
        },
        plainHeader,
      ),
      client,
    )
  }
}

function writeIdempotent(log: PartitionLog): void {
  const producers = [new Sequenced(1000, false), new Sequenced(1001, false)]
  for (let round = 0; round < 80; round++)
    producers[round % 2]!.append(log, { records: 1 + (round % 25), compression: round % 5 === 0 ? 'gzip' : 'none' })
}

/** Transactions that overlap, some aborted, one left open. */
function writeTransactions(log: PartitionLog): void {
  const producers = [new Sequenced(2000, true), new Sequenced(2001, true), new Sequenced(2002, true)]
  for (let round = 0; round < 90; round++) {
    const producer = producers[round % 3]!
    producer.append(log, {
      records: 10,
      compression: round % 4 === 0 ? 'gzip' : 'none',
      headers: round % 6 === 0,
      nulls: round % 7 === 0,
    })
    if (round % 3 !== 2 && round % 5 === 4) log.append(batch({ records: 5 }, plainHeader), client)
    if (round % 4 === 3) producer.end(log, round % 8 === 3 ? 'abort' : 'commit')
  }
}

async function write(machine: Machine, directory: string): Promise<void> {
  const writers: Record<string, (log: PartitionLog) => void> = {
    plain: writePlain,
    idempotent: writeIdempotent,
    transactions: writeTransactions,
  }
  // Two lives, so that there are two leader epochs, and a tail that a second life went on from.
  for (let life = 0; life < 2; life++) {
    const folder = await LogDirectory.open(machine, directory)
    try {
      for (const [topic, writer] of Object.entries(writers)) {
        for (const partition of topic === 'plain' ? [0, 1] : [0]) {
          const log = await folder.openPartition(topic, partition, { config })
          if (life === 0 && log.endOffset > 0)
            throw new StreamError('LOG_CORRUPT', `${log.directory} holds records already; name a new folder`)
          if (life === 0) writer(log)
          else log.append(batch({ records: 3 }, plainHeader), client)
          await log.sync()
          if (life === 1) describe(log)
        }
      }
    } finally {
      await folder.close()
    }
  }
}

function describe(log: PartitionLog): void {
  process.stdout.write(
    `${log.directory}: offsets ${log.startOffset} to ${log.endOffset}, stable to ${log.lastStableOffset}, ${log.segmentCount} segments, ${log.sizeBytes} bytes\n`,
  )
}

const directory = process.argv[2]
if (directory === undefined) {
  process.stderr.write('usage: npm run -s segments -- DIR\n')
  process.exitCode = 1
} else {
  try {
    await write(systemMachine, directory)
  } catch (error) {
    if (!StreamError.is(error)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}
