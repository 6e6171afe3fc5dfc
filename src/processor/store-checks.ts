/** What stores are kept in and by, as callers without types may give it. */
import { configTexts, type OptionCheck } from '../base/option-checks.ts'

export const anEngine: OptionCheck = (value) => {
  const { name, open }: { readonly name?: unknown; readonly open?: unknown } = Object(value)
  return typeof name === 'string' && typeof open === 'function' ? null : 'an engine like level() or memory()'
}

/** The configs of a changelog. `wanted`: what else may be given. */
export function changelogConfigs(value: unknown, wanted: string): string | null {
  const { configs }: { readonly configs?: unknown } = Object(value)
  return configs === undefined ? wanted : configTexts(configs)
}
