/** Grouping, windows, and what is folded over them. A fold's store writes text, a count's longs. */
import { tumbling } from '../../../dsl/windows.ts'
import type { Serde } from '../../../src/base/serde.ts'
import { int64 } from '../../../src/serdes/index.ts'
import { any, type Check, firstUnknown, form, known, oneOf, type StepForm, serde, store, windowStore } from '../form.ts'
import { aggregatorNamed, initializerNamed, mapperNamed } from '../functions.ts'
import { text } from '../text.ts'

const aggregator = known(aggregatorNamed)
const long = int64 as Serde<unknown>

/** Of the windows there are only tumbling ones. */
const window: Check = (value) => {
  const written = value as { readonly [field: string]: unknown }
  if (written.type !== 'tumbling') return String(written.type)
  return firstUnknown(written, { type: any, size: any, grace: any })
}

const groupByKey = form({
  op: 'groupByKey',
  on: 'stream',
  with: null,
  fields: { keySerde: serde, valueSerde: serde },
  gives: 'groupedStream',
  draw(step, from) {
    const serdes = { key: step.serde('keySerde'), value: step.serde('valueSerde') }
    return { stream: from.groupByKey({ ...step.name, ...serdes }), ...serdes }
  },
})

const groupBy = form({
  op: 'groupBy',
  on: 'stream',
  with: null,
  fields: { key: known(mapperNamed), keySerde: serde, valueSerde: serde },
  gives: 'groupedStream',
  draw(step, from) {
    const keyOf = step.function('key', mapperNamed)
    const serdes = { key: step.serde('keySerde'), value: step.serde('valueSerde') }
    return { stream: from.groupBy((value, key): unknown => keyOf(key, value), { ...step.name, ...serdes }), ...serdes }
  },
})

const windowedBy = form({
  op: 'windowedBy',
  on: 'groupedStream',
  with: null,
  fields: { window, emit: oneOf('onWindowUpdate') },
  gives: 'windowedStream',
  draw(step, from) {
    const { size, grace } = step.object('window')
    const windows = tumbling(Number(size), grace === undefined ? {} : { graceMs: Number(grace) })
    return { ...from, stream: from.stream.windowedBy(windows), retentionMsMin: windows.sizeMs + windows.graceMs }
  },
})

const count = form({
  op: 'count',
  on: 'groupedStream',
  with: null,
  fields: { store },
  gives: 'table',
  draw: (step, { stream, key }) => stream.count({ ...step.name, ...step.stored({ key, value: long }) }),
})

const countWindows = form({
  op: 'count',
  on: 'windowedStream',
  with: null,
  fields: { store: windowStore },
  gives: 'table',
  draw: (step, { stream, key, retentionMsMin }) =>
    stream.count({ ...step.name, ...step.stored({ key, value: long }), ...step.retention(retentionMsMin) }),
})

const reduce = form({
  op: 'reduce',
  on: 'groupedStream',
  with: null,
  fields: { reducer: aggregator, store },
  gives: 'table',
  draw(step, { stream, key, value: serdeOfValues }) {
    const fold = step.function('reducer', aggregatorNamed)
    const options = { ...step.name, ...step.stored({ key, value: serdeOfValues }) }
    return stream.reduce((total, value): unknown => fold(null, value, total), options)
  },
})

const reduceWindows = form({
  op: 'reduce',
  on: 'windowedStream',
  with: null,
  fields: { reducer: aggregator, store: windowStore },
  gives: 'table',
  draw(step, { stream, key, value: serdeOfValues, retentionMsMin }) {
    const fold = step.function('reducer', aggregatorNamed)
    const options = { ...step.name, ...step.stored({ key, value: serdeOfValues }), ...step.retention(retentionMsMin) }
    return stream.reduce((total, value): unknown => fold(null, value, total), options)
  },
})

const foldFields = { initializer: known(initializerNamed), aggregator }

const aggregate = form({
  op: 'aggregate',
  on: 'groupedStream',
  with: null,
  fields: { ...foldFields, store },
  gives: 'table',
  draw(step, { stream, key: serdeOfKeys }) {
    const initial = step.function('initializer', initializerNamed)
    const fold = step.function('aggregator', aggregatorNamed)
    const options = { ...step.name, ...step.stored({ key: serdeOfKeys, value: text }) }
    return stream.aggregate(
      (): unknown => initial(),
      (total, value, key): unknown => fold(key, value, total),
      options,
    )
  },
})

const aggregateWindows = form({
  op: 'aggregate',
  on: 'windowedStream',
  with: null,
  fields: { ...foldFields, store: windowStore },
  gives: 'table',
  draw(step, { stream, key: serdeOfKeys, retentionMsMin }) {
    const initial = step.function('initializer', initializerNamed)
    const fold = step.function('aggregator', aggregatorNamed)
    const options = {
      ...step.name,
      ...step.stored({ key: serdeOfKeys, value: text }),
      ...step.retention(retentionMsMin),
    }
    return stream.aggregate(
      (): unknown => initial(),
      (total, value, key): unknown => fold(key, value, total),
      options,
    )
  },
})

export const groups: readonly StepForm[] = [
  groupByKey,
  groupBy,
  windowedBy,
  count,
  countWindows,
  reduce,
  reduceWindows,
  aggregate,
  aggregateWindows,
]
