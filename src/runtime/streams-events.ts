import { messageOf, StreamError } from '../base/errors.ts'
import { shown } from '../base/option-checks.ts'
import type { RestoreProgress } from './restore.ts'
import type { StreamsState } from './streams-state.ts'
import type { DroppedRecord } from './task/drops.ts'
import { isPromise } from './task/promises.ts'

/** What an application tells about itself. */
export interface StreamsEvents {
  readonly state: { readonly from: StreamsState; readonly to: StreamsState }
  readonly restore: RestoreProgress
  /** A record was left out, and why. Without a listener some of them are told on standard error. */
  readonly dropped: DroppedRecord
  /** Something went wrong and was handled; a sentence for the log. Without a listener it goes to standard error. */
  readonly warning: string
  /** The thread has ended with this error; the state is 'error'. */
  readonly error: unknown
}

export type StreamsListeners = { readonly [Name in keyof StreamsEvents]?: (event: StreamsEvents[Name]) => void }

export const listenerNames = [
  'state',
  'restore',
  'dropped',
  'warning',
  'error',
] as const satisfies readonly (keyof StreamsEvents)[]

/** Typed listeners, called in the order they came. One that throws or rejects is told as a warning, and harms nothing else. */
export class EventHub {
  readonly #listeners = new Map<keyof StreamsEvents, Set<(event: never) => void>>()
  readonly #print: (line: string) => void

  /** `print`: where warnings go that nobody hears. */
  constructor(initial: StreamsListeners, print: (line: string) => void) {
    this.#print = print
    const { state, restore, dropped, warning, error } = initial
    if (state !== undefined) this.on('state', state)
    if (restore !== undefined) this.on('restore', restore)
    if (dropped !== undefined) this.on('dropped', dropped)
    if (warning !== undefined) this.on('warning', warning)
    if (error !== undefined) this.on('error', error)
  }

  on<Name extends keyof StreamsEvents>(name: Name, listener: (event: StreamsEvents[Name]) => void): () => void {
    if (!listenerNames.includes(name)) {
      throw new StreamError('CONFIG_INVALID', `nothing tells of ${shown(name)}; there are: ${listenerNames.join(', ')}`)
    }
    if (typeof listener !== 'function') {
      throw new StreamError('CONFIG_INVALID', `the listener of '${name}' is ${shown(listener)}; give a function`)
    }
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  /** Does anybody listen? */
  hears(name: keyof StreamsEvents): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }

  emit<Name extends keyof StreamsEvents>(name: Name, event: StreamsEvents[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        const result = (listener as (event: StreamsEvents[Name]) => unknown)(event)
        // Nobody waits for an async listener, and unhandled its rejection would end the process.
        if (isPromise(result)) result.then(undefined, (error: unknown) => this.#tell(name, error))
      } catch (error) {
        this.#tell(name, error)
      }
    }
  }

  #tell(name: keyof StreamsEvents, error: unknown): void {
    const what = `a listener of '${name}' has thrown: ${messageOf(error)}; correct it`
    if (name === 'warning') this.#print(`millrace: ${what}`)
    else this.warn(what)
  }

  warn(message: string): void {
    if (this.hears('warning')) this.emit('warning', message)
    else this.#print(`millrace: ${message}`)
  }
}
