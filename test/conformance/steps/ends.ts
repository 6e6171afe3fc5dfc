/** Where records come from and where they go: stream, table, store, to. */
import { topic } from '../../../dsl/topic.ts'
import { any, form, known, ownStoreFields, type StepForm, type StepReader, serde, store } from '../form.ts'
import { extractorNamed } from '../functions.ts'

const sourceFields = { keySerde: serde, valueSerde: serde, extractor: known(extractorNamed) }

function timestamp(step: StepReader): object {
  return step.has('extractor') ? { timestamp: step.function('extractor', extractorNamed) } : {}
}

const stream = form({
  op: 'stream',
  on: null,
  with: null,
  fields: { ...sourceFields, topic: any, topics: any },
  gives: 'stream',
  draw(step) {
    const names = step.has('topics') ? step.list('topics').map(String) : [step.text('topic')]
    const serdes = { key: step.serde('keySerde'), value: step.serde('valueSerde') }
    const topics = names.map((name) => topic(name, serdes))
    return step.canvas.builder.stream(topics, { ...step.name, ...timestamp(step) })
  },
})

const table = form({
  op: 'table',
  on: null,
  with: null,
  fields: { ...sourceFields, topic: any, store },
  gives: 'table',
  draw(step) {
    const serdes = { key: step.serde('keySerde'), value: step.serde('valueSerde') }
    const { store: kept, emit } = step.stored(serdes)
    const options = { ...step.name, ...timestamp(step), store: kept, emit }
    return step.canvas.builder.table(topic(step.text('topic'), serdes), options)
  },
})

const ownStore = form({
  op: 'store',
  on: null,
  with: null,
  fields: ownStoreFields,
  gives: 'nothing',
  draw(step) {
    step.canvas.builder.addStore(step.ownStore(step.fields))
    return null
  },
})

const to = form({
  op: 'to',
  on: 'stream',
  with: null,
  fields: { topic: any, keySerde: serde, valueSerde: serde },
  gives: 'nothing',
  draw(step, from) {
    const serdes = { key: step.serde('keySerde'), value: step.serde('valueSerde') }
    // A scenario may write back to its own source, which the DSL wants said.
    from.to(topic(step.text('topic'), serdes), { ...step.name, feedback: true })
    return null
  },
})

export const ends: readonly StepForm[] = [stream, table, ownStore, to]
