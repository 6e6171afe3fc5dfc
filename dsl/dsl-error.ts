/**
 * Sentences that the compiler says when a topology is drawn wrongly. They exist as types only.
 */
import type { ByteWriter } from '../src/base/bytes.ts'
import type { Serde } from '../src/base/serde.ts'
import type { Processor } from '../src/processor/processor.ts'

declare const sentence: unique symbol

/** What a step that cannot be drawn asks for instead of the stream or table that it is called on: read the sentence. */
export interface DslError<Sentence extends string> {
  readonly [sentence]: Sentence
}

/**
 * Intersected with a callback's result: a promise from an ordinary callback, also where it is one of several results, is a compile
 * error; anything else is itself.
 */
export type NotPromise<R> = 0 extends 1 & R
  ? unknown
  : [Extract<R, PromiseLike<unknown>>] extends [never]
    ? unknown
    : DslError<'an ordinary step is synchronous; a processor that awaits is declared with { async: true }'>

/**
 * What a step with a processor of its own is called on, as its `this`: anything, or a sentence where `process` may return a promise,
 * `R`, and the step was not told by `Async`. What is typed as `Processor` may do either, `void` says so, and is left to the run time.
 */
export type AwaitedAs<R, Async> = [Exclude<void, R>] extends [never]
  ? unknown
  : [Extract<R, PromiseLike<unknown>>] extends [never]
    ? unknown
    : [Async] extends [true]
      ? unknown
      : DslError<'a processor that awaits is declared with { async: true }'>

/** What `init`, `flush` and `close` of a processor give back: anything but a promise, and void, as the interface says. */
export type Unawaited =
  | (object & { readonly then?: DslError<'only process and punctuators may be awaited, with { async: true }'> })
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | ReturnType<NonNullable<Processor<never, never, never, never>['close']>>

/** A serde that can write every `T`, undefined too, but never null, which is a tombstone; what it reads may be more. */
export interface SerdeFor<T> {
  readonly name: string
  readonly encode: (value: Exclude<T, null>, into: ByteWriter) => void
  readonly decode: (bytes: Buffer, start: number, end: number) => unknown
}

/**
 * The accumulator of a fold: what its serde reads, or where the serde takes anything (`json()`), what the initializer gives, `I`.
 */
export type Accumulator<I, A> = unknown extends A ? I : A | Extract<I, null>

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

/**
 * What a step made of a callback that gives `R`: `R`; but of `any`, as `JSON.parse` gives it, what the serde reads that the step was
 * given, `S`, if that says more.
 */
export type Made<R, S> = 0 extends 1 & R ? (S extends Serde<infer T> ? (unknown extends T ? R : T) : R) : R

/** Any serde, or none: what a step was given is kept in a type parameter, so that it knows. */
export type MaybeSerde = SerdeFor<never> | undefined

/** Intersected with a serde option: it must be able to write every `T`. Nothing is asked while `T` is not known. */
export type Fits<T> = unknown extends T ? unknown : SerdeFor<T> | undefined

/** What a step is called on, as its `this`: anything, or where serdes are missing a sentence for each, which no stream is. */
export type Needs<Step extends string, Missing extends Lack> = [Missing] extends [never]
  ? unknown
  : Missing extends 'key serde'
    ? DslError<`${Step} needs the key serde: give { key: … } to the step that made the keys, or to ${Step}`>
    : DslError<`${Step} needs the value serde: give { value: … } to the step that made the values, or to ${Step}`>
