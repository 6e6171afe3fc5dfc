/**
 * Options as callers without types may give them: a misspelt one would do nothing, without a word. Asked where options come in,
 * never per record.
 */
import { inspect } from 'node:util'
import { type ErrorCode, StreamError } from './errors.ts'

/** What is to be given instead, or null if the value is right. */
export type OptionCheck = (value: unknown) => string | null

/** A check for each option that there is. */
export type OptionChecks<O> = { readonly [Name in keyof O]-?: OptionCheck }

/** `code`, unless all options are known and right. `owner` says whose they are. An undefined one is left out. */
export function checkOptions(
  owner: string,
  given: unknown,
  checks: { readonly [name: string]: OptionCheck },
  code: ErrorCode = 'CONFIG_INVALID',
): void {
  requireKnown(`option of ${owner}`, given, Object.keys(checks), code)
  for (const [name, value] of Object.entries(given as object)) {
    const wanted = value === undefined ? null : checks[name]!(value)
    if (wanted !== null) throw new StreamError(code, `${name} of ${owner} is ${shown(value)}; give ${wanted}`)
  }
}

/** `code`, unless each of `needed` is given. */
export function requireAll(
  owner: string,
  given: object,
  checks: { readonly [name: string]: OptionCheck },
  needed: readonly string[],
  code: ErrorCode,
): void {
  for (const name of needed) {
    if ((given as { readonly [name: string]: unknown })[name] !== undefined) continue
    throw new StreamError(code, `${owner} has no ${name}; give ${checks[name]!(undefined) ?? 'one'}`)
  }
}

/** `code`, unless it is an object of these names only. `what` is what one of them is. */
export function requireKnown(
  what: string,
  given: unknown,
  names: readonly string[],
  code: ErrorCode = 'CONFIG_INVALID',
): void {
  const all = names.join(', ')
  if (typeof given !== 'object' || given === null) {
    throw new StreamError(code, `an ${what} cannot be read from ${shown(given)}; give an object of: ${all}`)
  }
  const unknown = Object.keys(given).find((name) => !names.includes(name))
  if (unknown !== undefined) throw new StreamError(code, `there is no ${what} named '${unknown}'; there are: ${all}`)
}

/** A wrong value for a message: short, and whatever it is. */
export function shown(value: unknown): string {
  const text = inspect(value, {
    depth: 0,
    breakLength: Number.POSITIVE_INFINITY,
    maxStringLength: 60,
    maxArrayLength: 5,
  })
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}

export function isSerde(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { encode, decode } = value as { readonly [name: string]: unknown }
  return typeof encode === 'function' && typeof decode === 'function'
}

/** The check of an option that is looked at later, by whoever knows more about it. */
export const anything: OptionCheck = () => null

export const aText: OptionCheck = (value) => (typeof value === 'string' ? null : 'a text')

export const aBoolean: OptionCheck = (value) => (typeof value === 'boolean' ? null : 'true or false')

export const aFunction: OptionCheck = (value) => (typeof value === 'function' ? null : 'a function')

export const aSerde: OptionCheck = (value) => (isSerde(value) ? null : 'a serde, as string or json()')

export const aName: OptionCheck = (value) =>
  typeof value === 'string' && value !== '' ? null : 'a text of at least one character'

export const texts: OptionCheck = (value) => {
  return Array.isArray(value) && value.every((each) => typeof each === 'string') ? null : 'a list of texts'
}

/** Configs of a topic, by name. */
export const configTexts: OptionCheck = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return "an object of configs in Kafka's names"
  const wrong = Object.entries(value).find(([, config]) => typeof config !== 'string')
  if (wrong === undefined) return null
  const [name, given] = wrong
  const isPlain = typeof given === 'number' || typeof given === 'boolean'
  return `a text as ${name}${isPlain ? `: '${given}'` : `, not ${shown(given)}`}`
}

/** A whole number from `least` on, of `unit`. */
export function wholeFrom(least: number, unit = ''): OptionCheck {
  const wanted = `a whole number${unit === '' ? '' : ` of ${unit}`} from ${least} on`
  return (value) => (Number.isSafeInteger(value) && Number(value) >= least ? null : wanted)
}

/** Null, or what the other check takes. */
export function orNull(check: OptionCheck): OptionCheck {
  return (value) => (value === null ? null : check(value))
}

/** One of some texts. */
export function oneOf(...texts: readonly string[]): OptionCheck {
  return (value) => {
    return typeof value === 'string' && texts.includes(value) ? null : texts.map((text) => `'${text}'`).join(' or ')
  }
}
