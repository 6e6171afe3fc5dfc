import type { Serde } from '../base/serde.ts'
import { Change } from '../processor/change.ts'
import type { Processor, ProcessorSupplier } from '../processor/processor.ts'
import type { Record } from '../processor/record.ts'
import type { TopologyNode } from '../topology/node.ts'

/**
 * Freezes what callbacks must not mutate, so that a test finds the one that does: every record with its headers, keys and
 * values as sources read them, and what steps without a store make of them. An aggregate is its aggregator's to mutate:
 * behind a store values are left as they are.
 *
 * Bytes stay as they are (a buffer cannot be frozen), and so do maps, sets and objects with private fields, as far as
 * `Object.freeze` does not reach.
 */
export function frozenNodes(nodes: readonly TopologyNode[]): TopologyNode[] {
  const behindStore = new Set<string>()
  return nodes.map((node) => {
    if (node.kind === 'source') {
      return { ...node, keySerde: freezingSerde(node.keySerde), valueSerde: freezingSerde(node.valueSerde) }
    }
    if (node.kind === 'sink') return node
    const handed = node.parents.some((parent) => behindStore.has(parent))
    if (handed || node.stores.length > 0) behindStore.add(node.name)
    return { ...node, supplier: freezingSupplier(node.supplier, handed ? freezeShell : freezeRecord) }
  })
}

/** Freezes a value and all it holds, once. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value
  Object.freeze(value)
  for (const held of Object.values(value)) deepFreeze(held)
  return value
}

function freezingSerde(serde: Serde<unknown>): Serde<unknown> {
  return {
    name: serde.name,
    encode: (value, into) => serde.encode(value, into),
    decode: (bytes, start, end) => deepFreeze(serde.decode(bytes, start, end)),
  }
}

type AnyProcessor = Processor<unknown, unknown, unknown, unknown>
type AnySupplier = ProcessorSupplier<unknown, unknown, unknown, unknown>

type Freeze = (record: Record<unknown, unknown>) => void

function freezeShell(record: Record<unknown, unknown>): void {
  deepFreeze(record.headers)
  Object.freeze(record)
}

function freezeRecord(record: Record<unknown, unknown>): void {
  freezeShell(record)
  deepFreeze(record.key)
  if (!(record.value instanceof Change)) deepFreeze(record.value)
}

function freezingSupplier(supplier: AnySupplier, freeze: Freeze): AnySupplier {
  return {
    get: () => {
      const made = supplier.get()
      // What is no processor is refused by the task.
      return typeof made?.process === 'function' ? freezingProcessor(made, freeze) : made
    },
    ...(supplier.stores !== undefined && { stores: supplier.stores }),
    ...(supplier.async !== undefined && { async: supplier.async }),
  }
}

function freezingProcessor(processor: AnyProcessor, freeze: Freeze): AnyProcessor {
  return {
    init: (context) => processor.init?.(context),
    process: (record: Record<unknown, unknown>) => {
      freeze(record)
      return processor.process(record)
    },
    ...(processor.flush !== undefined && { flush: () => processor.flush?.() }),
    close: () => processor.close?.(),
  }
}
