import { messageOf } from '../../src/base/errors.ts'
import { firstDifference } from './compare.ts'
import { planOf } from './forms.ts'
import { run } from './runner.ts'
import type { Scenario } from './scenario.ts'

export type Verdict =
  | { readonly kind: 'ok' }
  | { readonly kind: 'bug' }
  | { readonly kind: 'skip'; readonly missing: string }
  | { readonly kind: 'FAIL'; readonly difference: string }

/** Runs a scenario, unless it needs what does not exist here or shows a bug of the Java engine, and compares. */
export async function judge(scenario: Scenario): Promise<Verdict> {
  if (scenario.javaBug !== null) return { kind: 'bug' }
  try {
    const plan = planOf(scenario)
    if ('unsupported' in plan) return { kind: 'skip', missing: plan.unsupported }
    const difference = firstDifference(scenario.expected, await run(scenario, plan.steps))
    return difference === null ? { kind: 'ok' } : { kind: 'FAIL', difference }
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? '') : ''
    return {
      kind: 'FAIL',
      difference: `it could not be run: ${messageOf(error)} ${stack.split('\n')[1]?.trim() ?? ''}`,
    }
  }
}

/** The line, or two, that a verdict prints. */
export function reported(name: string, verdict: Verdict): string {
  switch (verdict.kind) {
    case 'ok':
    case 'bug':
      return `${verdict.kind} ${name}`
    case 'skip':
      return `skip ${name}: ${verdict.missing}`
    case 'FAIL':
      return `FAIL ${name}\n  ${verdict.difference}`
  }
}
