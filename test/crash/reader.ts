import { embedded } from '../../src/broker/index.ts'
import { Admin, type Connection, Consumer, type ConsumerRecord } from '../../src/client/index.ts'

/** What the application has written, in order. */
export interface Outputs {
  /** Per airport the values of `flights`. */
  readonly delays: ReadonlyMap<string, readonly number[]>
  /** Per `<iata>@<start of the day>` the values of `flights`. */
  readonly days: ReadonlyMap<string, readonly number[]>
  /** Keys, which are numbers of rows. */
  readonly deadLetters: readonly string[]
}

/** Reads the output topics as a read_committed consumer does. */
export async function readOutputs(data: string): Promise<Outputs> {
  const log = embedded(data)
  const lease = await log.acquire()
  try {
    const connection = lease.connect('crash-test-reader')
    const delays = new Map<string, number[]>()
    const days = new Map<string, number[]>()
    const deadLetters: string[] = []
    await readAll(connection, 'airport-delays', 4, ({ key, value }) => add(delays, String(key), value))
    await readAll(connection, 'airport-days', 4, ({ key, value }) => {
      // A windowed key: the key's bytes, then the start of the window.
      const text = key!.subarray(0, -8).toString()
      add(days, `${text}@${key!.readBigInt64BE(key!.length - 8)}`, value)
    })
    await readAll(connection, 'flights-dead-letters', 1, ({ key }) => deadLetters.push(String(key)))
    return { delays, days, deadLetters }
  } finally {
    await lease.release()
  }
}

function add(seen: Map<string, number[]>, key: string, value: Buffer | null): void {
  const { flights } = JSON.parse(String(value)) as { flights: number }
  const list = seen.get(key)
  if (list === undefined) seen.set(key, [flights])
  else list.push(flights)
}

async function readAll(
  connection: Connection,
  topic: string,
  partitionCount: number,
  record: (record: ConsumerRecord) => void,
): Promise<void> {
  const partitions = Array.from({ length: partitionCount }, (_, partition) => ({ topic, partition }))
  const ends = await new Admin(connection).listOffsets(partitions, 'latest', { isolation: 'readCommitted' })
  const consumer = new Consumer(connection, { isolation: 'readCommitted', autoOffsetReset: 'earliest' })
  consumer.assign(partitions)
  for (const [index, partition] of partitions.entries()) {
    while ((await consumer.position(partition)) < ends[index]!.offset) {
      for (const found of await consumer.poll(1000)) record(found)
    }
  }
  await consumer.close()
}
