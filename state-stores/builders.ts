/**
 * The plans of stores, typed: `stores.keyValue({ name, key, value })` and its kin. Nothing is opened here; the runtime
 * builds one instance per task.
 */
import { StreamError } from '../src/base/errors.ts'
import type { Serde } from '../src/base/serde.ts'
import type { StateEngineSupplier } from '../src/processor/state-engine.ts'
import type {
  KeyValueStore,
  StateStore,
  StoreKind,
  TimestampedKeyValueStore,
  TimestampedWindowStore,
  WindowStore,
} from '../src/processor/state-store.ts'
import type { StoreBuilder } from '../src/processor/store-builder.ts'
import type {
  KeyValueView,
  TimestampedKeyValueView,
  TimestampedWindowView,
  WindowView,
} from '../src/processor/store-views.ts'
import { level } from './engines/level-engine.ts'
import { PlainKeyValueStore } from './key-value/plain-store.ts'
import { StampedKeyValueStore } from './key-value/stamped-store.ts'
import { checkStoreOptions } from './option-checks.ts'
import { PlainWindowStore } from './window/plain-store.ts'
import { StampedWindowStore } from './window/stamped-store.ts'

/** A key-value store with its query side typed. */
export interface QueryableKeyValueStore<K, V> extends KeyValueStore<K, V> {
  committedView(): KeyValueView<K, V>
}

export interface QueryableTimestampedKeyValueStore<K, V> extends TimestampedKeyValueStore<K, V> {
  committedView(): TimestampedKeyValueView<K, V>
}

export interface QueryableWindowStore<K, V> extends WindowStore<K, V> {
  committedView(): WindowView<K, V>
}

export interface QueryableTimestampedWindowStore<K, V> extends TimestampedWindowStore<K, V> {
  committedView(): TimestampedWindowView<K, V>
}

/** A store's plan that knows what it builds. */
export interface TypedStoreBuilder<S extends StateStore> extends StoreBuilder {
  build(): S
}

export interface StoreOptions<K, V> {
  /** Letters, digits, `.`, `_` and `-`: it is part of a topic's name. */
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
  /** Default: `level()`. */
  readonly engine?: StateEngineSupplier
  /** Default true; `configs` are topic configs of the changelog, over the library's own; false: what is lost is lost. */
  readonly changelog?: boolean | { readonly configs: { readonly [name: string]: string } }
}

interface WindowTimes {
  readonly windowSizeMs: number
  /** How long a window is kept after a later one began; at least the window's size. */
  readonly retentionMs: number
}

export interface WindowStoreOptions<K, V> extends StoreOptions<K, V>, WindowTimes {}

const namePattern = /^[a-zA-Z0-9._-]+$/

function builder<S extends StateStore, K, V>(
  kind: StoreKind,
  options: StoreOptions<K, V>,
  window: WindowTimes | null,
  build: () => S,
): TypedStoreBuilder<S> {
  checkStoreOptions(`stores.${kind}`, window !== null, options)
  const { name } = options
  if (!namePattern.test(name)) {
    throw new StreamError('TOPOLOGY_INVALID', `'${name}' is no name for a store; use letters, digits, '.', '_' and '-'`)
  }
  if (window !== null) checkWindow(name, window)
  const shape = window === null ? '' : `,size=${window.windowSizeMs},retention=${window.retentionMs}`
  return Object.freeze({
    name,
    kind,
    engine: options.engine ?? level(),
    changelog: changelogOf(options.changelog ?? true),
    ...(window === null ? {} : { retentionMs: window.retentionMs }),
    fingerprint: `${kind}(${options.key.name},${options.value.name}${shape})`,
    build,
  })
}

function isOnDisk(engine: StateEngineSupplier | undefined): boolean {
  return (engine ?? level()).persistent
}

function changelogOf(changelog: NonNullable<StoreOptions<unknown, unknown>['changelog']>): StoreBuilder['changelog'] {
  if (changelog === false) return null
  return changelog === true ? { configs: {} } : changelog
}

function checkWindow(name: string, { windowSizeMs, retentionMs }: WindowTimes): void {
  if (retentionMs >= windowSizeMs) return
  throw new StreamError(
    'TOPOLOGY_INVALID',
    `store ${name}: a retention of ${retentionMs} ms is shorter than its windows of ${windowSizeMs} ms; give more`,
  )
}

/**
 * Makes plans of stores.
 *
 * @example
 * const seen = stores.keyValue({ name: 'seen', key: string, value: int64 })
 * builder.addStore(seen)
 */
export const stores = Object.freeze({
  keyValue<K, V>(options: StoreOptions<K, V>): TypedStoreBuilder<QueryableKeyValueStore<K, V>> {
    return builder('keyValue', options, null, () => new PlainKeyValueStore(options.name, options.key, options.value))
  },

  /** Rows know when they were last updated: what tables are kept in. */
  timestampedKeyValue<K, V>(options: StoreOptions<K, V>): TypedStoreBuilder<QueryableTimestampedKeyValueStore<K, V>> {
    return builder(
      'timestampedKeyValue',
      options,
      null,
      () => new StampedKeyValueStore(options.name, options.key, options.value),
    )
  },

  window<K, V>(options: WindowStoreOptions<K, V>): TypedStoreBuilder<QueryableWindowStore<K, V>> {
    return builder(
      'window',
      options,
      options,
      () => new PlainWindowStore({ ...options, onDisk: isOnDisk(options.engine) }),
    )
  },

  timestampedWindow<K, V>(options: WindowStoreOptions<K, V>): TypedStoreBuilder<QueryableTimestampedWindowStore<K, V>> {
    const build = (): StampedWindowStore<K, V> =>
      new StampedWindowStore({ ...options, onDisk: isOnDisk(options.engine) })
    return builder('timestampedWindow', options, options, build)
  },
})
