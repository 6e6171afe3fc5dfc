/** The public face: names, and nothing else. */
export * from '../dsl/index.ts'
export { type ErrorCode, StreamError } from './base/errors.ts'
export type { Header, Headers, Serde } from './base/serde.ts'
export { type EmbeddedOptions, embedded } from './broker/embedded.ts'
export type { ErrorPolicies, ErrorPolicy } from './processor/error-policy.ts'
export type {
  Cancellable,
  Processor,
  ProcessorContext,
  ProcessorSupplier,
  PunctuationType,
  Punctuator,
} from './processor/processor.ts'
export { Record, type RecordMetadata } from './processor/record.ts'
export type {
  KeyValueStore,
  TimestampedKeyValueStore,
  TimestampedWindowStore,
  ValueAndTimestamp,
  WindowStore,
} from './processor/state-store.ts'
export type { StoreHandle } from './processor/store-handle.ts'
export type {
  KeyValueView,
  TimestampedKeyValueView,
  TimestampedWindowView,
  WindowView,
} from './processor/store-views.ts'
export type { TimestampExtractor } from './processor/timestamp-extractor.ts'
export type { LogProvider } from './protocol/connection.ts'
export type { FeedItem, FeedRecord } from './runtime/feed-item.ts'
export type { Metric } from './runtime/metrics.ts'
export { Streams, type StreamsConfig } from './runtime/streams.ts'
export type { StreamsEvents } from './runtime/streams-events.ts'
export type { StreamsState } from './runtime/streams-state.ts'
export * from './serdes/index.ts'
export type { Topology } from './topology/topology.ts'
export { TopologyBuilder } from './topology/topology-builder.ts'
