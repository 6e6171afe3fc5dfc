/** All forms, and which one a step of a scenario takes. */
import { any, firstUnknown, type Kind, type StepForm } from './form.ts'
import type { Scenario, Step } from './scenario.ts'
import { ends } from './steps/ends.ts'
import { groups } from './steps/groups.ts'
import { joins } from './steps/joins.ts'
import { processing } from './steps/processing.ts'
import { streams } from './steps/streams.ts'
import { tables } from './steps/tables.ts'

const allForms: readonly StepForm[] = [...ends, ...streams, ...tables, ...groups, ...joins, ...processing]
const commonFields = { op: any, id: any, from: any, with: any, name: any }

/** A step with the form it takes and the places (in the topology) of the steps it starts from. */
export interface PlannedStep {
  readonly step: Step
  readonly form: StepForm
  readonly from: number | null
  readonly with: number | null
}

/** The whole topology planned, or what of it does not exist here. Nothing is drawn. */
export type Plan = { readonly steps: readonly PlannedStep[] } | { readonly unsupported: string }

/** Configs that have a meaning here; of others nothing is known. */
const knownConfigs: { readonly [name: string]: (value: string | number) => boolean } = {
  'statestore.cache.max.bytes': (value) => Number.isInteger(Number(value)) && Number(value) >= 0,
  'dsl.store.suppliers.class': (value) => value === 'disk' || value === 'memory',
  'deserialization.exception.handler': isHandler,
  'processing.exception.handler': isHandler,
  'production.exception.handler': isHandler,
  'errors.dead.letter.queue.topic.name': () => true,
  'topology.optimization': (value) => value === 'none',
}

function isHandler(value: string | number): boolean {
  return value === 'continue' || value === 'fail'
}

export function planOf(scenario: Scenario): Plan {
  for (const [name, value] of Object.entries(scenario.config)) {
    if (!knownConfigs[name]?.(value)) return { unsupported: `config ${name}=${value}` }
  }
  const steps: PlannedStep[] = []
  const byId = new Map<string, number>()
  for (const [index, step] of scenario.topology.entries()) {
    const from = step.from === undefined ? index - 1 : placeOf(byId, step.from)
    const other = step.with === undefined ? null : placeOf(byId, step.with)
    const fromKind = steps[from]?.form.gives ?? null
    const otherKind = other === null ? null : (steps[other]?.form.gives ?? null)
    const form = allForms.find(
      ({ op, on, with: side }) => op === step.op && (on === null || on === fromKind) && side === otherKind,
    )
    if (form === undefined) return { unsupported: missing(step, fromKind, otherKind) }
    const unknown = firstUnknown(step, { ...commonFields, ...form.fields })
    if (unknown !== null) return { unsupported: `${step.op} ${unknown}` }
    steps.push({ step, form, from: form.on === null ? null : from, with: other })
    if (typeof step.id === 'string') byId.set(step.id, index)
  }
  return { steps }
}

function placeOf(byId: ReadonlyMap<string, number>, id: unknown): number {
  const place = byId.get(String(id))
  if (place === undefined) throw new Error(`no step before it has the id ${id}`)
  return place
}

/** The operator alone when there is none of that name, else on what it does not exist. */
function missing(step: Step, from: Kind | null, other: Kind | null): string {
  if (!allForms.some(({ op }) => op === step.op)) return step.op
  return `${step.op} of ${from ?? 'nothing'}${other === null ? '' : ` with ${other}`}`
}
