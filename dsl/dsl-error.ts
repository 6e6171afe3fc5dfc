/**
 * Sentences that the compiler says when a topology is drawn wrongly. They exist as types only.
 */
import type { ByteWriter } from '../src/base/bytes.ts'

declare const sentence: unique symbol

/** What a step that cannot be drawn gives instead of a stream or a table: read the sentence. */
export interface DslError<Sentence extends string> {
  readonly [sentence]: Sentence
}

/** Intersected with a callback's result: a promise from an ordinary callback is a compile error, anything else is itself. */
export type NotPromise<R> =
  R extends PromiseLike<unknown>
    ? DslError<'an ordinary step is synchronous; a processor that awaits is declared with { async: true }'>
    : unknown

/** A serde that can write every `T`; what it reads may be more. */
export interface SerdeFor<T> {
  readonly name: string
  readonly encode: (value: NonNullable<T>, into: ByteWriter) => void
  readonly decode: (bytes: Buffer, start: number, end: number) => unknown
}

/** What a stream lacks: kept as a union in its type, `never` when nothing. */
export type Lack = 'key serde' | 'value serde' | 'partitioning'

/** The lack that a step leaves behind which was given `S` as its serde option. */
export type LackOf<Kind extends Lack, S> = S extends undefined ? Kind : never

/** What is lacked after a step that made new values. */
export type NewValue<Lacks extends Lack, S> = Exclude<Lacks, 'value serde'> | LackOf<'value serde', S>

/** What is lacked after a step that made new keys: they may belong to another partition. */
export type NewKey<Lacks extends Lack, S> = Exclude<Lacks, 'key serde'> | LackOf<'key serde', S> | 'partitioning'

/** What is still lacked when a step was offered `S`. */
export type StillLacking<Lacks extends Lack, Kind extends Lack, S> = S extends undefined ? Lacks & Kind : never

/** Any serde, or none: what a step was given is kept in a type parameter, so that it knows. */
export type MaybeSerde = SerdeFor<never> | undefined

/** Intersected with a serde option: it must be able to write every `T`. Nothing is asked while `T` is not known. */
export type Fits<T> = unknown extends T ? unknown : SerdeFor<T> | undefined

/** `Result`, or a sentence for each serde that is missing. */
export type Needs<Step extends string, Missing extends Lack, Result> = [Missing] extends [never]
  ? Result
  : Missing extends 'key serde'
    ? DslError<`${Step} needs the key serde: give { key: … } to the step that made the keys, or to ${Step}`>
    : DslError<`${Step} needs the value serde: give { value: … } to the step that made the values, or to ${Step}`>
