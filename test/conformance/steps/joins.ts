/** Joins: of a stream with a table. */
import { form, known, type StepForm, type StepReader, serde } from '../form.ts'
import { joinerNamed } from '../functions.ts'
import { text } from '../text.ts'

const fields = { joiner: known(joinerNamed), keySerde: serde, valueSerde: serde, otherValueSerde: serde }

function options(step: StepReader): object {
  return { ...step.name, key: step.serde('keySerde'), leftValue: step.serde('valueSerde'), value: text }
}

const join = form({
  op: 'join',
  on: 'stream',
  with: 'table',
  fields,
  gives: 'stream',
  draw(step, from, table) {
    const joined = step.function('joiner', joinerNamed)
    return from.join(table, (left, right, key): unknown => joined(key, left, right), options(step))
  },
})

const leftJoin = form({
  op: 'leftJoin',
  on: 'stream',
  with: 'table',
  fields,
  gives: 'stream',
  draw(step, from, table) {
    const joined = step.function('joiner', joinerNamed)
    return from.leftJoin(table, (left, right, key): unknown => joined(key, left, right), options(step))
  },
})

export const joins: readonly StepForm[] = [join, leftJoin]
