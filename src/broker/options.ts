/**
 * What a broker can be told. Every value has a default; a wrong one is CONFIG_INVALID.
 */
import { StreamError } from '../base/errors.ts'
import {
  groupMembersMax,
  groupSessionTimeoutMsMax,
  groupSessionTimeoutMsMin,
  minFreeBytesDefault,
  transactionTimeoutMsMax,
} from '../base/limits.ts'
import { anything, checkOptions, type OptionChecks, oneOf } from '../base/option-checks.ts'

export interface BrokerOptions {
  /**
   * 'sync' (default): acks=all and commits are answered when the disk has them. 'os': when the operating system has
   * them, which survives the death of the process but no power cut (Kafka's own default).
   */
  readonly flush?: 'sync' | 'os'
  /** Below this many free bytes produce is refused while commits still fit. Default 64 MiB; 0 switches it off. */
  readonly minFreeBytes?: number
  /** How long a group waits for more members before its first generation, in ms. Default 0. */
  readonly groupInitialRebalanceDelayMs?: number
  /** Session time-outs a member may ask for, in ms. Default 10 … 1,800,000. */
  readonly groupSessionTimeoutMsMin?: number
  readonly groupSessionTimeoutMsMax?: number
  /** The longest transaction time-out a producer may ask for, in ms. Default 900,000. */
  readonly transactionTimeoutMsMax?: number
}

export type BrokerSettings = Required<BrokerOptions> & { readonly groupMembersMax: number }

/** Numbers are compared with each other when the broker opens. */
export const brokerChecks = {
  flush: oneOf('sync', 'os'),
  minFreeBytes: anything,
  groupInitialRebalanceDelayMs: anything,
  groupSessionTimeoutMsMin: anything,
  groupSessionTimeoutMsMax: anything,
  transactionTimeoutMsMax: anything,
} satisfies OptionChecks<BrokerOptions>

export function settingsOf(options: BrokerOptions): BrokerSettings {
  checkOptions('the broker', options, brokerChecks)
  const settings: BrokerSettings = {
    flush: options.flush ?? 'sync',
    minFreeBytes: options.minFreeBytes ?? minFreeBytesDefault,
    groupInitialRebalanceDelayMs: options.groupInitialRebalanceDelayMs ?? 0,
    groupSessionTimeoutMsMin: options.groupSessionTimeoutMsMin ?? groupSessionTimeoutMsMin,
    groupSessionTimeoutMsMax: options.groupSessionTimeoutMsMax ?? groupSessionTimeoutMsMax,
    transactionTimeoutMsMax: options.transactionTimeoutMsMax ?? transactionTimeoutMsMax,
    groupMembersMax,
  }
  for (const [name, value] of Object.entries(settings)) {
    if (name === 'flush') continue
    // A timer holds 31 bits of milliseconds.
    const most = name.includes('Ms') ? 0x7fffffff : Number.MAX_SAFE_INTEGER
    if (!Number.isSafeInteger(value) || Number(value) < 0 || Number(value) > most) {
      throw new StreamError('CONFIG_INVALID', `${name} is ${String(value)}; say a whole number from 0 to ${most}`)
    }
  }
  return settings
}
