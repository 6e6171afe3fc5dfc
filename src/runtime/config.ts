import { StreamError } from '../base/errors.ts'
import * as limits from '../base/limits.ts'
import { type Machine, systemMachine } from '../base/machine.ts'
import { requireKnown, shown } from '../base/option-checks.ts'
import type { LogProvider } from '../client/index.ts'
import type { ErrorPolicies } from '../processor/error-policy.ts'
import { checkName } from '../topology/naming.ts'
import { listenerNames, type StreamsListeners } from './streams-events.ts'

/** What to do when the thread ends with an error that nothing below could handle. */
export type UncaughtErrorPolicy = (error: unknown) => 'replaceThread' | 'shutdownClient'

export interface StreamsConfig {
  /** Names the consumer group, the internal topics and the state folder. The same for all instances of an application. */
  readonly applicationId: string
  /** Where the log is: `embedded('./data')`. */
  readonly log: LogProvider
  /** Where local state lies, one folder per application inside. Each instance needs its own. Default: `state` in the embedded log's folder. */
  readonly stateDir?: string
  /** Default 'exactlyOnce'. */
  readonly guarantee?: 'exactlyOnce' | 'atLeastOnce'
  /** How often results become visible. Default 100. */
  readonly commitIntervalMs?: number
  /** How long an empty, caught-up input partition is waited for before others go on (KIP-695); -1: never wait. Default 0. */
  readonly maxTaskIdleMs?: number
  /** Where a record goes that cannot be processed. Default: fail, for each kind. Steps may say their own. */
  readonly onError?: ErrorPolicies
  /** Default: 'shutdownClient', after which the state is 'error'. */
  readonly onUncaughtError?: UncaughtErrorPolicy
  /** After this long the broker aborts an open transaction by itself. Default 10,000. */
  readonly transactionTimeoutMs?: number
  /** After this long without a sign of life an instance's tasks go to others. Default 10,000. */
  readonly sessionTimeoutMs?: number
  /** How long a task waits for what others must do first: held folders, open transactions, a log that does not answer. Default 300,000. */
  readonly taskTimeoutMs?: number
  /** How often records that are done with are removed from repartition topics. Default 30,000. */
  readonly repartitionPurgeIntervalMs?: number
  /** Dirty entries of one task at which it commits early. Default 200,000. */
  readonly generationEntriesMax?: number
  /** Bytes of dirty entries of one task at which it commits early. Default 64 MiB. */
  readonly generationBytesMax?: number
  /** Bytes of clean rows that one task keeps in memory. Default 64 MiB. */
  readonly cleanCacheBytesMax?: number
  /** Hear what happens, from the start on. */
  readonly listeners?: StreamsListeners
  /** Clock, disk and chance; a simulation brings its own. */
  readonly machine?: Machine
}

/** The same with every default filled in. */
export interface ResolvedConfig extends Required<Omit<StreamsConfig, 'stateDir'>> {
  readonly stateDir: string | null
}

const numbers = [
  'commitIntervalMs',
  'transactionTimeoutMs',
  'sessionTimeoutMs',
  'taskTimeoutMs',
  'repartitionPurgeIntervalMs',
  'generationEntriesMax',
  'generationBytesMax',
  'cleanCacheBytesMax',
] as const

/** Fills in defaults and compares what belongs together; CONFIG_INVALID names the setting and what it may be. */
export function resolveConfig(config: StreamsConfig): ResolvedConfig {
  if (typeof config !== 'object' || config === null) throw invalid(`it is ${String(config)}; give an object of options`)
  const resolved: ResolvedConfig = {
    applicationId: config.applicationId,
    log: config.log,
    stateDir: config.stateDir ?? null,
    guarantee: config.guarantee ?? 'exactlyOnce',
    commitIntervalMs: config.commitIntervalMs ?? limits.commitIntervalMsDefault,
    maxTaskIdleMs: config.maxTaskIdleMs ?? 0,
    onError: config.onError ?? {},
    onUncaughtError: config.onUncaughtError ?? (() => 'shutdownClient'),
    transactionTimeoutMs: config.transactionTimeoutMs ?? limits.transactionTimeoutMsDefault,
    sessionTimeoutMs: config.sessionTimeoutMs ?? limits.sessionTimeoutMsDefault,
    taskTimeoutMs: config.taskTimeoutMs ?? limits.taskTimeoutMsDefault,
    repartitionPurgeIntervalMs: config.repartitionPurgeIntervalMs ?? limits.repartitionPurgeIntervalMsDefault,
    generationEntriesMax: config.generationEntriesMax ?? limits.generationEntriesMax,
    generationBytesMax: config.generationBytesMax ?? limits.generationBytesMax,
    cleanCacheBytesMax: config.cleanCacheBytesMax ?? limits.cleanCacheBytesMax,
    listeners: config.listeners ?? {},
    machine: config.machine ?? systemMachine,
  }
  requireKnown('option', config, Object.keys(resolved))
  checkApplicationId(resolved.applicationId)
  if (typeof resolved.log?.acquire !== 'function') {
    throw invalid(`log is ${shown(resolved.log)}; say where the log is: log: embedded('./data')`)
  }
  if (resolved.stateDir !== null && (typeof resolved.stateDir !== 'string' || resolved.stateDir === '')) {
    throw invalid(`stateDir is ${shown(resolved.stateDir)}; give the path of a folder, or leave it out`)
  }
  for (const name of numbers) requireWhole(name, resolved[name], 1)
  requireWhole('maxTaskIdleMs', resolved.maxTaskIdleMs, -1)
  checkPolicies('the application', resolved.onError)
  requireFunction('onUncaughtError', resolved.onUncaughtError)
  requireKnown('listener', resolved.listeners, listenerNames)
  for (const [name, listener] of Object.entries(resolved.listeners)) {
    if (listener !== undefined) requireFunction(`listeners.${name}`, listener)
  }
  const { groupSessionTimeoutMsMin: least, groupSessionTimeoutMsMax: most } = limits
  if (resolved.sessionTimeoutMs < least || resolved.sessionTimeoutMs > most) {
    throw invalid(`sessionTimeoutMs is ${resolved.sessionTimeoutMs}; it is between ${least} and ${most}`)
  }
  if (!['exactlyOnce', 'atLeastOnce'].includes(resolved.guarantee)) {
    throw invalid(`guarantee is ${shown(resolved.guarantee)}; it is 'exactlyOnce' or 'atLeastOnce'`)
  }
  if (resolved.transactionTimeoutMs > limits.transactionTimeoutMsMax) {
    throw invalid(
      `transactionTimeoutMs is ${resolved.transactionTimeoutMs}; the most is ${limits.transactionTimeoutMsMax}`,
    )
  }
  if (resolved.guarantee === 'exactlyOnce' && resolved.commitIntervalMs >= resolved.transactionTimeoutMs) {
    const { commitIntervalMs, transactionTimeoutMs } = resolved
    throw invalid(`commitIntervalMs (${commitIntervalMs}) must be below transactionTimeoutMs (${transactionTimeoutMs})`)
  }
  return resolved
}

export function checkApplicationId(applicationId: string): void {
  try {
    checkName('topic', applicationId)
  } catch (cause) {
    const what = `applicationId is '${applicationId}'; it becomes part of topic names and a folder: letters, digits, '.', '_' and '-'`
    throw new StreamError('CONFIG_INVALID', what, { cause })
  }
}

const policyKinds = ['deserialize', 'process', 'produce'] as const

/** `owner`: the step that says them, or the application. */
export function checkPolicies(owner: string, onError: ErrorPolicies): void {
  requireKnown(`onError of ${owner}`, onError, policyKinds)
  for (const kind of policyKinds) {
    const policy: unknown = onError[kind] ?? 'fail'
    if (policy === 'fail' || policy === 'skip') continue
    const topic = typeof policy === 'object' && policy !== null && 'deadLetter' in policy ? policy.deadLetter : null
    if (typeof topic === 'string' && topic !== '') continue
    throw invalid(`onError.${kind} of ${owner} is ${shown(policy)}; it is 'fail', 'skip', or { deadLetter: topic }`)
  }
}

function requireFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw invalid(`${name} is ${shown(value)}; give a function`)
}

function requireWhole(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw invalid(`${name} is ${shown(value)}; give a whole number, at least ${least}`)
}

function invalid(what: string): StreamError {
  return new StreamError('CONFIG_INVALID', what)
}
