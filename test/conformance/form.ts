/**
 * How the steps of a scenario are written down here: one form for each operator on each kind of thing, with the fields it
 * takes and the call it makes. What no form takes does not exist in Millrace yet.
 *
 * The DSL is drawn over `unknown`: this file holds the one cast between what a step made and what the next one needs.
 */

import type { Lack } from '../../dsl/dsl-error.ts'
import type { KGroupedStream } from '../../dsl/grouped.ts'
import type { KStream } from '../../dsl/kstream.ts'
import type { KTable } from '../../dsl/ktable.ts'
import type { Emit, StoreOptions } from '../../dsl/options.ts'
import type { StreamsBuilder } from '../../dsl/streams-builder.ts'
import type { TimeWindowedKStream } from '../../dsl/windowed.ts'
import type { Serde } from '../../src/base/serde.ts'
import type { StateEngineSupplier } from '../../src/processor/state-engine.ts'
import type { StoreBuilder } from '../../src/processor/store-builder.ts'
import { stores } from '../../state-stores/builders.ts'
import { level } from '../../state-stores/engines/level-engine.ts'
import { memory } from '../../state-stores/engines/memory-engine.ts'
import type { Scenario, Step } from './scenario.ts'
import { serdeNamed, text } from './text.ts'

type AnyStream = KStream<unknown, unknown, never>
type AnyTable = KTable<unknown, unknown, Lack>

/** Longer than any story. */
const cachedRetentionMs = 100 * 365 * 24 * 60 * 60 * 1000

/** A grouped stream and the serdes that the grouping was given: the stores of its folds have them too. */
interface Grouped<S> {
  readonly stream: S
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
}

interface Windowed extends Grouped<TimeWindowedKStream<unknown, unknown, never>> {
  /** Size and grace: a store that keeps its windows for less is refused. */
  readonly retentionMsMin: number
}

/** What a step can start from or end in. */
interface Things {
  readonly stream: AnyStream
  readonly table: AnyTable
  readonly groupedStream: Grouped<KGroupedStream<unknown, unknown, never>>
  readonly windowedStream: Windowed
  readonly nothing: null
}

export type Kind = keyof Things

/** Says what of a field's value does not exist; null: all of it does. */
export type Check = (value: unknown) => string | null

export interface StepForm<From = unknown, With = unknown> {
  readonly op: string
  /** null: it starts from nothing. */
  readonly on: Kind | null
  readonly with: Kind | null
  /** Fields beside `op`, `id`, `from`, `with` and `name`. */
  readonly fields: { readonly [field: string]: Check }
  /** What kind of thing it draws. */
  readonly gives: Kind
  draw(step: StepReader, from: From, other: With): unknown
}

interface WrittenForm<From extends Kind, With extends Kind> extends StepForm<Things[From], Things[With]> {
  readonly on: From | null
  readonly with: With | null
}

/** A form for the list of all forms: the kinds that its types promise are looked up by its own `on` and `with`. */
export function form<From extends Kind, With extends Kind>(written: WrittenForm<From, With>): StepForm {
  return { ...written, draw: (step, from, other) => written.draw(step, from as Things[From], other as Things[With]) }
}

/** What is the same for all steps of a scenario. */
export interface Canvas {
  readonly builder: StreamsBuilder
  readonly config: Scenario['config']
  /** What peek and foreach note. */
  readonly seen: string[]
}

/** Reads the fields of one step, which were checked before. */
export class StepReader {
  readonly canvas: Canvas
  readonly #step: Step

  constructor(step: Step, canvas: Canvas) {
    this.#step = step
    this.canvas = canvas
  }

  /** All that is written, `op` included. */
  get fields(): { readonly [field: string]: unknown } {
    return this.#step
  }

  get name(): { name: string } | Record<never, never> {
    return this.#step.name === undefined ? {} : { name: String(this.#step.name) }
  }

  has(field: string): boolean {
    return this.#step[field] !== undefined
  }

  text(field: string): string {
    return String(this.#step[field])
  }

  number(field: string): number {
    return Number(this.#step[field])
  }

  object(field: string): { readonly [field: string]: unknown } {
    return (this.#step[field] ?? {}) as { readonly [field: string]: unknown }
  }

  list(field: string): readonly unknown[] {
    return (this.#step[field] ?? []) as readonly unknown[]
  }

  /** A function by its name; `named` knows it, or the scenario would have been skipped. */
  function<F>(field: string, named: (written: string) => F | null): F {
    return found(field, named(this.text(field)))
  }

  serde(field: string): Serde<unknown> {
    return serdeOf(this.#step[field])
  }

  /** The options of the store that a step keeps its result in, and when it tells of it. */
  stored(inherited: { key: Serde<unknown>; value: Serde<unknown> }): {
    store: StoreOptions
    emit: Emit
    key: Serde<unknown>
    value: Serde<unknown>
  } {
    const store = this.object('store')
    return {
      key: store.keySerde === undefined ? inherited.key : serdeOf(store.keySerde),
      value: store.valueSerde === undefined ? inherited.value : serdeOf(store.valueSerde),
      emit: isCached(store, this.canvas.config) ? 'onCommit' : 'everyUpdate',
      store: {
        ...(store.name !== undefined && { name: String(store.name) }),
        engine: engineOf(store.engine ?? this.canvas.config['dsl.store.suppliers.class']),
        changelog: store.logging !== false,
      },
    }
  }

  /**
   * Kafka's caches go on showing windows past their retention. A store without a cache shows them when it keeps them, so a
   * cached one is given a retention that no story outlives; what is too short stays so, and is refused.
   */
  retention(retentionMsMin: number): { retentionMs: number } | Record<never, never> {
    const store = this.object('store')
    const given = store.retention === undefined ? retentionMsMin : Number(store.retention)
    if (given >= retentionMsMin && isCached(store, this.canvas.config)) return { retentionMs: outliving(given) }
    return store.retention === undefined ? {} : { retentionMs: given }
  }

  /** A store of its own, for processors. */
  ownStore(written: { readonly [field: string]: unknown }): StoreBuilder {
    const options = {
      name: String(written.name),
      key: serdeOf(written.keySerde),
      value: serdeOf(written.valueSerde),
      engine: engineOf(written.engine),
      changelog: written.logging !== false,
    }
    switch (written.kind ?? 'keyValue') {
      case 'window': {
        const windowSizeMs = Number(written.size)
        const given = Number(written.retention)
        const cached = written.caching === true && given >= windowSizeMs && isCached(written, this.canvas.config)
        return stores.window({ ...options, windowSizeMs, retentionMs: cached ? outliving(given) : given })
      }
      case 'timestampedKeyValue':
        return stores.timestampedKeyValue(options)
      default:
        return stores.keyValue(options)
    }
  }
}

/** See `retention`. */
function outliving(givenMs: number): number {
  return Math.max(cachedRetentionMs, givenMs)
}

function found<T>(what: string, thing: T | null | undefined): T {
  if (thing === null || thing === undefined) throw new Error(`the scenario names no ${what} that there is`)
  return thing
}

function serdeOf(written: unknown): Serde<unknown> {
  return written === undefined ? text : found('serde', serdeNamed(String(written)))
}

function engineOf(written: unknown): StateEngineSupplier {
  return written === 'memory' ? memory() : level()
}

/** A cache of no bytes is none, whatever the store says. */
function isCached(store: { readonly caching?: unknown }, config: Scenario['config']): boolean {
  return Number(config['statestore.cache.max.bytes'] ?? 0) > 0 && store.caching !== false
}

// ---- checks of fields

export const any: Check = () => null

/** One of these and nothing else. */
export function oneOf(...values: readonly unknown[]): Check {
  return (value) => (values.includes(value) ? null : String(value))
}

/** Something that `named` knows. */
export function known(named: (written: string) => unknown): Check {
  return (value) => (named(String(value)) === null ? String(value) : null)
}

export const serde: Check = known(serdeNamed)

function fieldsOf(fields: { readonly [field: string]: Check }): Check {
  return (value) => firstUnknown(value as { readonly [field: string]: unknown }, fields)
}

/** The first field that is not in the list or whose value does not exist, as `field` or `field value`. */
export function firstUnknown(
  written: { readonly [field: string]: unknown },
  fields: { readonly [field: string]: Check },
): string | null {
  for (const [field, value] of Object.entries(written)) {
    const check = fields[field]
    if (check === undefined) return field
    const unknown = check(value)
    if (unknown !== null) return `${field} ${unknown}`
  }
  return null
}

const storeFields = {
  name: any,
  engine: oneOf('memory', 'disk'),
  caching: any,
  logging: any,
  keySerde: serde,
  valueSerde: serde,
}

export const store: Check = fieldsOf(storeFields)
export const windowStore: Check = fieldsOf({ ...storeFields, retention: any })

export const ownStoreFields: { readonly [field: string]: Check } = {
  ...storeFields,
  kind: oneOf('keyValue', 'timestampedKeyValue', 'window'),
  size: any,
  retention: any,
  duplicates: oneOf(false),
}

export const ownStores: Check = (value) => {
  for (const written of value as readonly { readonly [field: string]: unknown }[]) {
    const unknown = firstUnknown(written, ownStoreFields)
    if (unknown !== null) return unknown
  }
  return null
}
