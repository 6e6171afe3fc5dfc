/** What callers without types may get wrong when they draw a step: TOPOLOGY_INVALID, naming the step and what to give. */
import { StreamError } from '../../src/base/errors.ts'
import {
  aBoolean,
  aFunction,
  aSerde,
  aText,
  checkOptions,
  configTexts,
  type OptionCheck,
  type OptionChecks,
  oneOf,
  shown,
  wholeFrom,
} from '../../src/base/option-checks.ts'
import { anEngine } from '../../src/processor/store-checks.ts'
import { isTypedTopic } from '../../src/topology/typed-topic.ts'
import type {
  AggregateOptions,
  CountOptions,
  JoinOptions,
  KeyOptions,
  KeyValueOptions,
  ProcessOptions,
  ProcessValuesOptions,
  RepartitionOptions,
  Retention,
  SinkStepOptions,
  SourceStepOptions,
  StepOptions,
  StoreOptions,
  TableOptions,
  TableStepOptions,
  ValueOptions,
} from '../options.ts'
import type { TopicOptions } from '../topic.ts'

const storeNames = { name: true, engine: true, changelog: true } satisfies {
  [Name in keyof Required<StoreOptions>]: true
}

const aStore: OptionCheck = (value) => {
  const wanted = `a name, or an object of: ${Object.keys(storeNames).join(', ')}`
  if (typeof value === 'string') return null
  if (typeof value !== 'object' || value === null) return wanted
  if (Object.keys(value).some((name) => !Object.hasOwn(storeNames, name))) return wanted
  const { name, engine, changelog } = value as { readonly [Name in keyof StoreOptions]: unknown }
  if (name !== undefined && typeof name !== 'string') return wanted
  const wrongEngine = engine === undefined ? null : anEngine(engine)
  if (wrongEngine !== null) return wrongEngine
  if (changelog === undefined || typeof changelog === 'boolean') return null
  const { configs }: { readonly configs?: unknown } = Object(changelog)
  if (configs === undefined) return 'a changelog that is true, false or { configs }'
  const wrong = configTexts(configs)
  return wrong === null ? null : `as its changelog's configs ${wrong}`
}

const emits = oneOf('onCommit', 'everyUpdate')
const anEmit: OptionCheck = (value) => {
  return value === 'onWindowClose' ? `${emits(value)}: 'onWindowClose' is not part of this version` : emits(value)
}

const stores: OptionCheck = (value) => {
  const each = (store: unknown): boolean => typeof store === 'string' || typeof Object(store).build === 'function'
  return Array.isArray(value) && value.every(each) ? null : 'a list of names of stores, or of builders'
}

/** Each policy is looked at when the application starts. */
const policies: OptionCheck = (value) => (value === null ? "an object of policies, as { process: 'skip' }" : null)

export const stepChecks = { name: aText, onError: policies } satisfies OptionChecks<StepOptions>
export const keyChecks = { ...stepChecks, key: aSerde } satisfies OptionChecks<KeyOptions<unknown, unknown>>
export const valueChecks = { ...stepChecks, value: aSerde } satisfies OptionChecks<ValueOptions<unknown, unknown>>
/** Of groupings, too. */
export const keyValueChecks = { ...keyChecks, ...valueChecks } satisfies OptionChecks<
  KeyValueOptions<unknown, unknown, unknown, unknown>
>
export const sourceChecks = { ...stepChecks, timestamp: aFunction } satisfies OptionChecks<SourceStepOptions>
export const sinkChecks = {
  ...stepChecks,
  partitioner: aFunction,
  feedback: aBoolean,
} satisfies OptionChecks<SinkStepOptions<unknown, unknown>>
export const repartitionChecks = { ...keyValueChecks, partitions: wholeFrom(1) } satisfies OptionChecks<
  RepartitionOptions<unknown, unknown, unknown, unknown>
>
export const joinChecks = { ...keyValueChecks, leftValue: aSerde } satisfies OptionChecks<
  JoinOptions<unknown, unknown, unknown, unknown, unknown, unknown>
>
export const processValuesChecks = { ...valueChecks, stores, async: aBoolean } satisfies OptionChecks<
  ProcessValuesOptions<unknown, unknown, unknown>
>
export const processChecks = { ...processValuesChecks, key: aSerde } satisfies OptionChecks<
  ProcessOptions<unknown, unknown, unknown, unknown, unknown>
>
export const tableChecks = { ...sourceChecks, store: aStore, emit: anEmit } satisfies OptionChecks<
  TableOptions<unknown>
>
export const tableStepChecks = { ...keyValueChecks, store: aStore, emit: anEmit } satisfies OptionChecks<
  TableStepOptions<unknown, unknown, unknown, unknown, unknown>
>
/** Of `count`, `reduce` and `aggregate`. */
export const foldChecks = { ...keyValueChecks, store: aStore, emit: anEmit } satisfies OptionChecks<
  CountOptions<unknown> & AggregateOptions<unknown, unknown, unknown>
>
export const windowedFoldChecks = { ...foldChecks, retentionMs: wholeFrom(0, 'milliseconds') } satisfies OptionChecks<
  CountOptions<unknown> & Retention
>
const topicChecks = {
  key: aSerde,
  value: aSerde,
  partitions: wholeFrom(1),
  configs: configTexts,
  timestamp: aFunction,
} satisfies OptionChecks<TopicOptions<unknown, unknown>>

/** Looks at the options of a step and at the functions it is given. */
export function checkStep(
  step: string,
  checks: { readonly [name: string]: OptionCheck },
  options: unknown,
  ...callbacks: readonly unknown[]
): void {
  for (const callback of callbacks) {
    if (typeof callback !== 'function') throw misgiven(step, callback, 'a function')
  }
  checkOptions(step, options, checks, 'TOPOLOGY_INVALID')
}

export function checkTopicOptions(name: string, options: unknown): void {
  const owner = `the topic '${name}'`
  checkOptions(owner, options, topicChecks, 'TOPOLOGY_INVALID')
  for (const kind of ['key', 'value'] as const) {
    if ((options as { readonly [name: string]: unknown })[kind] !== undefined) continue
    const example = `topic('${name}', { key: string, value: json() })`
    throw new StreamError('TOPOLOGY_INVALID', `${owner} has no ${kind} serde; declare it as in ${example}`)
  }
}

export function requireTopic(step: string, topic: unknown): void {
  if (!isTypedTopic(topic)) throw misgiven(step, topic, "a topic: topic('name', { key: …, value: … })")
}

export function requireProcessor(step: string, source: unknown): void {
  if (typeof source === 'function') return
  const { get, stores: brought = [] }: { readonly get?: unknown; readonly stores?: unknown } = Object(source)
  if (typeof get === 'function' && Array.isArray(brought)) return
  throw misgiven(
    step,
    source,
    'a function that makes a processor, or a supplier: { get }, with a list if it has stores',
  )
}

/** `is` tells by what it was drawn as. */
export function requireDrawn(step: string, thing: unknown, is: (thing: object) => boolean, wanted: string): void {
  if (typeof thing !== 'object' || thing === null || !is(thing)) throw misgiven(step, thing, wanted)
}

function misgiven(step: string, given: unknown, wanted: string): StreamError {
  return new StreamError('TOPOLOGY_INVALID', `${step} was given ${shown(given)}; give it ${wanted}`)
}
