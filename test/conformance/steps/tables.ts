/** The steps on a table. A store of theirs writes text: Kafka Streams gives it the application's default serdes. */
import { form, known, type StepForm, type StepReader, store } from '../form.ts'
import { mapperNamed, predicateNamed } from '../functions.ts'
import { text } from '../text.ts'

const mapper = known(mapperNamed)
const predicate = known(predicateNamed)

/** Nothing is said of a store where the scenario says nothing. */
function kept(step: StepReader): object {
  return step.has('store') ? step.stored({ key: text, value: text }) : {}
}

const filter = form({
  op: 'filter',
  on: 'table',
  with: null,
  fields: { predicate, store },
  gives: 'table',
  draw(step, from) {
    const keep = step.function('predicate', predicateNamed)
    return from.filter((value, key) => keep(key, value), { ...step.name, ...kept(step) })
  },
})

const filterNot = form({
  op: 'filterNot',
  on: 'table',
  with: null,
  fields: { predicate, store },
  gives: 'table',
  draw(step, from) {
    const drop = step.function('predicate', predicateNamed)
    return from.filterNot((value, key) => drop(key, value), { ...step.name, ...kept(step) })
  },
})

const mapValues = form({
  op: 'mapValues',
  on: 'table',
  with: null,
  fields: { mapper, store },
  gives: 'table',
  draw(step, from) {
    const map = step.function('mapper', mapperNamed)
    return from.mapValues((value, key): unknown => map(key, value), { ...step.name, value: text, ...kept(step) })
  },
})

const toStream = form({
  op: 'toStream',
  on: 'table',
  with: null,
  fields: { key: mapper },
  gives: 'stream',
  draw(step, from) {
    const stream = from.toStream(step.name)
    if (!step.has('key')) return stream
    const keyOf = step.function('key', mapperNamed)
    return stream.selectKey((value, key): unknown => keyOf(key, value), { key: text })
  },
})

export const tables: readonly StepForm[] = [filter, filterNot, mapValues, toStream]
