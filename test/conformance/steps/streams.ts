/** One record in, some records out: the steps on a stream that keep no state. */
import { any, form, known, type StepForm, serde } from '../form.ts'
import { listFunctionNamed, mapperNamed, predicateNamed } from '../functions.ts'
import { shown, text } from '../text.ts'

const mapper = known(mapperNamed)
const predicate = known(predicateNamed)
const each = known(listFunctionNamed)

const filter = form({
  op: 'filter',
  on: 'stream',
  with: null,
  fields: { predicate },
  gives: 'stream',
  draw(step, from) {
    const keep = step.function('predicate', predicateNamed)
    return from.filter((value, key) => keep(key, value), step.name)
  },
})

const filterNot = form({
  op: 'filterNot',
  on: 'stream',
  with: null,
  fields: { predicate },
  gives: 'stream',
  draw(step, from) {
    const drop = step.function('predicate', predicateNamed)
    return from.filterNot((value, key) => drop(key, value), step.name)
  },
})

const mapValues = form({
  op: 'mapValues',
  on: 'stream',
  with: null,
  fields: { mapper },
  gives: 'stream',
  draw(step, from) {
    const map = step.function('mapper', mapperNamed)
    return from.mapValues((value, key): unknown => map(key, value), { ...step.name, value: text })
  },
})

const map = form({
  op: 'map',
  on: 'stream',
  with: null,
  fields: { key: mapper, value: mapper },
  gives: 'stream',
  draw(step, from) {
    const newKeyOf = step.function('key', mapperNamed)
    const newValueOf = step.function('value', mapperNamed)
    return from.map((value, key): [unknown, unknown] => [newKeyOf(key, value), newValueOf(key, value)], {
      ...step.name,
      key: text,
      value: text,
    })
  },
})

const selectKey = form({
  op: 'selectKey',
  on: 'stream',
  with: null,
  fields: { key: mapper },
  gives: 'stream',
  draw(step, from) {
    const newKeyOf = step.function('key', mapperNamed)
    return from.selectKey((value, key): unknown => newKeyOf(key, value), { ...step.name, key: text })
  },
})

const flatMapValues = form({
  op: 'flatMapValues',
  on: 'stream',
  with: null,
  fields: { each },
  gives: 'stream',
  draw(step, from) {
    const parts = step.function('each', listFunctionNamed)
    return from.flatMapValues((value): unknown[] => parts(value), { ...step.name, value: text })
  },
})

const flatMap = form({
  op: 'flatMap',
  on: 'stream',
  with: null,
  fields: { each, key: mapper, value: mapper },
  gives: 'stream',
  draw(step, from) {
    const parts = step.function('each', listFunctionNamed)
    const newKeyOf = step.function('key', mapperNamed)
    const newValueOf = step.function('value', mapperNamed)
    return from.flatMap(
      (value, key): [unknown, unknown][] => parts(value).map((part) => [newKeyOf(key, part), newValueOf(key, part)]),
      { ...step.name, key: text, value: text },
    )
  },
})

const peek = form({
  op: 'peek',
  on: 'stream',
  with: null,
  fields: { label: any },
  gives: 'stream',
  draw(step, from) {
    const { seen } = step.canvas
    const label = step.has('label') ? `${step.text('label')}: ` : ''
    return from.peek((value, key) => void seen.push(`${label}${shown(key)}=${shown(value)}`), step.name)
  },
})

const foreach = form({
  op: 'foreach',
  on: 'stream',
  with: null,
  fields: { label: any },
  gives: 'nothing',
  draw(step, from) {
    const { seen } = step.canvas
    const label = step.has('label') ? `${step.text('label')}: ` : ''
    from.foreach((value, key) => void seen.push(`${label}${shown(key)}=${shown(value)}`), step.name)
    return null
  },
})

const merge = form({
  op: 'merge',
  on: 'stream',
  with: 'stream',
  fields: {},
  gives: 'stream',
  draw: (step, from, other) => from.merge(other, step.name),
})

const repartition = form({
  op: 'repartition',
  on: 'stream',
  with: null,
  fields: { partitions: any, keySerde: serde, valueSerde: serde },
  gives: 'stream',
  draw(step, from) {
    return from.repartition({
      ...step.name,
      ...(step.has('partitions') && { partitions: step.number('partitions') }),
      key: step.serde('keySerde'),
      value: step.serde('valueSerde'),
    })
  },
})

export const streams: readonly StepForm[] = [
  filter,
  filterNot,
  mapValues,
  map,
  selectKey,
  flatMapValues,
  flatMap,
  peek,
  foreach,
  merge,
  repartition,
]
