/** The door `millrace/stores`: plans of stores, the engines they are kept in, and what queries see of them. */
export type { StateEngineSupplier } from '../src/processor/state-engine.ts'
export type {
  KeyValueStore,
  StoreEntry,
  TimestampedKeyValueStore,
  TimestampedWindowStore,
  ValueAndTimestamp,
  WindowStore,
} from '../src/processor/state-store.ts'
export type { StoreBuilder } from '../src/processor/store-builder.ts'
export type {
  KeyValueView,
  TimestampedKeyValueView,
  TimestampedWindowView,
  WindowView,
} from '../src/processor/store-views.ts'
export type {
  QueryableKeyValueStore,
  QueryableTimestampedKeyValueStore,
  QueryableTimestampedWindowStore,
  QueryableWindowStore,
  StoreOptions,
  TypedStoreBuilder,
  WindowStoreOptions,
} from './builders.ts'
export { stores } from './builders.ts'
export { level } from './engines/level-engine.ts'
export { MemoryEngines, memory } from './engines/memory-engine.ts'
