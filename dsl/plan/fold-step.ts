/** The step that folds the groups of a stream into the rows of a store, with or without windows. */
import type { Serde } from '../../src/base/serde.ts'
import type { StoreBuilder } from '../../src/processor/store-builder.ts'
import type { Emit, FoldOptions, StoreOptions } from '../options.ts'
import { givenSerde, needed, type StreamDraft } from './draft.ts'
import type { AnySupplier, PlanSource, TableNode } from './node.ts'
import type { Plan } from './plan.ts'
import { storeOptions } from './store-plan.ts'

/** A stream and how it is grouped. */
export interface Group<K, V> {
  readonly stream: StreamDraft<K, V>
  /** What a fold starts from: the stream, or where keys may have changed a repartition topic named after the grouping or the store. */
  readonly source: (storeName: string) => Pick<StreamDraft<K, V>, 'node' | 'sources'>
}

/** What a fold with windows does otherwise than one without. */
export interface FoldKind<K> {
  store(name: string, options: StoreOptions, key: Serde<K>): StoreBuilder
  supplier(told: { readonly storeName: string; readonly emit: Emit; readonly oldValues: boolean }): AnySupplier
}

export interface DrawnFold<K> {
  readonly node: TableNode
  readonly storeName: string
  readonly key: Serde<K>
  readonly sources: readonly PlanSource[]
}

/** Draws the step. Numbers are used up in Kafka Streams' order: for the store, for the step, for the repartition before it. */
export function drawFold<K, V>(
  group: Group<K, V>,
  prefix: string,
  options: FoldOptions<K>,
  kind: FoldKind<K>,
): DrawnFold<K> {
  const { plan, key: known } = group.stream
  const chosen = storeOptions(options.store)
  const storeName = plan.storeName(prefix, chosen.name)
  const step = plan.named(prefix, options)
  const key = needed(step.name, 'key', givenSerde<K>(options.key) ?? known, group.stream)
  const { node: parent, sources } = group.source(storeName)
  const emit = options.emit ?? 'onCommit'
  const node = plan.attach({
    kind: 'aggregate',
    ...step,
    parents: [parent],
    copartitioned: sources,
    store: kind.store(storeName, chosen, key),
    supplier: (oldValues) => kind.supplier({ storeName, emit, oldValues }),
  })
  return { node, storeName, key, sources }
}

/** A number of the counter that Kafka Streams once gave to the store of a count stays used up. */
export function passCountNumber(plan: Plan, prefix: string, { store }: Pick<FoldOptions<never>, 'store'>): void {
  if (storeOptions(store).name === undefined) plan.storeName(prefix)
}
