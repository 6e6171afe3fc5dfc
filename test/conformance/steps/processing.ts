/** The low-level steps: process and processValues. */
import { any, type Check, form, ownStores, type StepForm, type StepReader } from '../form.ts'
import { knowsProcessor, processorNamed } from '../processors.ts'
import { text } from '../text.ts'

const processor: Check = (value) => (knowsProcessor(String(value)) ? null : String(value))
const fields = { processor, stores: any, ownStores }

function supplier(step: StepReader): ReturnType<typeof processorNamed> {
  const owned = step.list('ownStores').map((written) => step.ownStore(written as { readonly [field: string]: unknown }))
  return processorNamed(step.text('processor'), owned)
}

const process = form({
  op: 'process',
  on: 'stream',
  with: null,
  fields,
  gives: 'stream',
  draw(step, from) {
    const options = { ...step.name, stores: step.list('stores').map(String), key: text, value: text }
    return from.process(supplier(step), options)
  },
})

const processValues = form({
  op: 'processValues',
  on: 'stream',
  with: null,
  fields,
  gives: 'stream',
  draw(step, from) {
    const options = { ...step.name, stores: step.list('stores').map(String), value: text }
    return from.processValues(supplier(step), options)
  },
})

export const processing: readonly StepForm[] = [process, processValues]
