import { StreamError } from '../../base/errors.ts'

/** What an instance tells the group about itself, and what the leader answers: JSON, with a version. */
export interface SubscriptionData {
  readonly processId: string
  /** Tasks it runs now. */
  readonly running: readonly string[]
  /** Other tasks that it has state of. */
  readonly kept: readonly string[]
}

export interface AssignmentData {
  readonly tasks: readonly string[]
}

const version = 1

export function encodeSubscription(data: SubscriptionData): Buffer {
  return Buffer.from(JSON.stringify({ version, ...data }))
}

export function encodeAssignment(data: AssignmentData): Buffer {
  return Buffer.from(JSON.stringify({ version, ...data }))
}

/** A member that says nothing is one without history. */
export function decodeSubscription(bytes: Buffer | null): SubscriptionData {
  if (bytes === null || bytes.length === 0) return { processId: '', running: [], kept: [] }
  const { processId, running, kept } = read(bytes)
  return { processId: typeof processId === 'string' ? processId : '', running: textsOf(running), kept: textsOf(kept) }
}

export function decodeAssignment(bytes: Buffer | null): AssignmentData {
  if (bytes === null || bytes.length === 0) return { tasks: [] }
  return { tasks: textsOf(read(bytes).tasks) }
}

function textsOf(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((item): item is string => typeof item === 'string') : []
}

function read(bytes: Buffer): { readonly [name: string]: unknown } {
  let data: unknown
  try {
    data = JSON.parse(bytes.toString())
  } catch (cause) {
    throw foreign(cause)
  }
  if (typeof data !== 'object' || data === null || !('version' in data) || data.version !== version) throw foreign(null)
  return { ...data }
}

function foreign(cause: unknown): StreamError {
  const what =
    'a member of the group has another version of the assignment; stop it, or give this application its own id'
  return new StreamError('PROTOCOL_UNSUPPORTED', what, { cause })
}
