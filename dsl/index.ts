/** What users write: the names of the DSL. */
export type { DslError, Lack, SerdeFor } from './dsl-error.ts'
export { type GroupTable, KGroupedStream } from './grouped.ts'
export { KStream } from './kstream.ts'
export { KTable, type RowsByKey, StoredTable } from './ktable.ts'
export type {
  AggregateOptions,
  CountOptions,
  Emit,
  GroupOptions,
  JoinOptions,
  Partitioner,
  ProcessOptions,
  ReduceOptions,
  RepartitionOptions,
  SinkStepOptions,
  SourceStepOptions,
  StepOptions,
  StoreChoice,
  StoreOptions,
  TableOptions,
  TableStepOptions,
} from './options.ts'
export { StreamsBuilder } from './streams-builder.ts'
export { type SinkTopic, type Topic, type TopicOptions, topic } from './topic.ts'
export { TimeWindowedKStream, type WindowTable } from './windowed.ts'
export { type TumblingWindows, tumbling } from './windows.ts'
