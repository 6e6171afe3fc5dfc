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

/** One of some texts. */
export function oneOf(...texts: readonly string[]): OptionCheck {
  return (value) => {
    return typeof value === 'string' && texts.includes(value) ? null : texts.map((text) => `'${text}'`).join(' or ')
  }
}
