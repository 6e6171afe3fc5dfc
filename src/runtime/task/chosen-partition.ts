import { shown } from '../../base/option-checks.ts'
import type { SinkNode } from '../../topology/node.ts'
import { promiseRefused } from './promises.ts'

/** Where the sink's own partitioner sends a record; -1: it has none, or leaves that to the key. Throws what is no partition. */
export function chosenPartition(node: SinkNode, key: unknown, value: unknown, count: number, topic: string): number {
  const chosen: unknown = node.partitioner === null ? null : node.partitioner(key, value, count, topic)
  if (chosen === null || chosen === undefined) return -1
  if (typeof chosen === 'number' && Number.isInteger(chosen) && chosen >= 0 && chosen < count) return chosen
  const partitioner = `the partitioner of ${node.name}`
  const promised = promiseRefused(chosen, `${partitioner} returned a promise; make it synchronous`)
  if (promised !== null) throw promised
  throw new RangeError(`${partitioner} chose ${shown(chosen)}; ${topic} has partitions 0 to ${count - 1}`)
}
