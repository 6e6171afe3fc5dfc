/**
 * What the values of the DSL know of the plan. A stream, a table or a grouping is a draft and methods; the draft is reached by a
 * symbol, so that users do not see it.
 */
import { StreamError } from '../../src/base/errors.ts'
import type { Serde } from '../../src/base/serde.ts'
import type { MaybeSerde } from '../dsl-error.ts'
import type { TableView } from '../operators/table-view.ts'
import type { PlanNode, PlanSource, TableNode } from './node.ts'
import type { Plan } from './plan.ts'

export const draft: unique symbol = Symbol('draft')

interface Draft<K, V> {
  readonly plan: Plan
  readonly node: PlanNode
  /** null: not known. */
  readonly key: Serde<K> | null
  readonly value: Serde<V> | null
  /** The sources of the sub-topology so far, for co-partitioning. */
  readonly sources: readonly PlanSource[]
}

export interface StreamDraft<K, V> extends Draft<K, V> {
  /** May records be in another partition than their key's? */
  readonly rekeyed: boolean
}

/** What a join asks of a table: rows that can be looked up by every `K`. */
export interface TableRows<in K, out V> {
  readonly plan: Plan
  readonly node: TableNode
  readonly sources: readonly PlanSource[]
  readonly view: TableView<K, V>
}

export interface TableDraft<K, V> extends Draft<K, V>, TableRows<K, V> {
  readonly node: TableNode
}

/** The serde that a step was given, if any. What can write every `T` is taken as able to read what it wrote. */
export function givenSerde<T>(given: MaybeSerde): Serde<T> | null {
  return given === undefined ? null : (given as Serde<T>)
}

/** For callers without types: what the compiler says with a DslError. `above` is what the step was drawn on. */
export function needed<T>(
  step: string,
  kind: 'key' | 'value',
  serde: Serde<T> | null,
  above: { readonly node: PlanNode },
): Serde<T> {
  if (serde !== null) return serde
  throw new StreamError(
    'TOPOLOGY_INVALID',
    `${step} behind '${above.node.name}' needs the ${kind} serde of what flows into it; give { ${kind}: … } to the step that made the ${kind}s, or to this one`,
  )
}

/** Two things of one step come from one builder. */
export function sameBuilder(step: string, left: { readonly plan: Plan }, right: { readonly plan: Plan }): void {
  if (left.plan === right.plan) return
  throw new StreamError('TOPOLOGY_INVALID', `${step} brings two StreamsBuilders together; draw both sides with one`)
}
