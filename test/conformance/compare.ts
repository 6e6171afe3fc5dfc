/**
 * Finds where two outcomes part, by the rules of the goldens' README.
 *
 *  - exact, `describe` too, but order between topics within a step is not compared
 *  - a changelog by what it leaves behind: per step the last record of each key, sorted by key
 *  - of errors only their being there; after one nothing else of that step or of later ones
 *  - an expected header value `*` stands for any
 */
import type { HeaderPair, Outcome, OutputRecord, StepOutcome } from './scenario.ts'

/** The first difference as `where: expected …, got …`, or null. */
export function firstDifference(expected: Outcome, got: Outcome): string | null {
  if (expected.topologyError !== null || got.topologyError !== null)
    return errors('topologyError', expected.topologyError, got.topologyError)
  return (
    differentLines('describe', expected.describe ?? [], got.describe ?? []) ??
    differentSteps(expected.steps, got.steps) ??
    different('dropped', expected.dropped, got.dropped) ??
    differentStores(expected.stores, got.stores) ??
    different('printed', expected.printed, got.printed)
  )
}

function say(where: string, expected: unknown, got: unknown): string {
  return `${where}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`
}

function different(where: string, expected: unknown, got: unknown): string | null {
  return JSON.stringify(expected) === JSON.stringify(got) ? null : say(where, expected, got)
}

function errors(where: string, expected: string | null, got: string | null): string | null {
  return (expected === null) === (got === null) ? null : say(where, expected, got)
}

function differentLines(where: string, expected: readonly string[], got: readonly string[]): string | null {
  for (let line = 0; line < Math.max(expected.length, got.length); line++) {
    if (expected[line] !== got[line]) return say(`${where} line ${line + 1}`, expected[line] ?? null, got[line] ?? null)
  }
  return null
}

function differentSteps(expected: readonly StepOutcome[], got: readonly StepOutcome[]): string | null {
  for (let index = 0; index < expected.length; index++) {
    const where = `step ${index + 1}`
    const wanted = expected[index]!
    const gave = got[index] ?? { out: {}, seen: [], error: null }
    const difference =
      errors(`${where} error`, wanted.error, gave.error) ??
      (wanted.error === null
        ? (differentOut(where, wanted.out, gave.out) ?? different(`${where} seen`, wanted.seen, gave.seen))
        : null)
    if (difference !== null || wanted.error !== null) return difference
  }
  return null
}

function differentOut(where: string, expected: StepOutcome['out'], got: StepOutcome['out']): string | null {
  for (const topic of new Set([...Object.keys(expected), ...Object.keys(got)])) {
    const difference = differentRecords(
      `${where} out ${topic}`,
      settled(topic, expected[topic]),
      settled(topic, got[topic]),
    )
    if (difference !== null) return difference
  }
  return null
}

/** A changelog's last record of each key, sorted by key; the records of any other topic as they are. */
function settled(topic: string, records: readonly OutputRecord[] = []): readonly OutputRecord[] {
  if (!topic.endsWith('-changelog')) return records
  const last = new Map(records.map((record) => [record[0] ?? '', record]))
  return [...last.keys()].sort().map((key) => last.get(key)!)
}

function differentRecords(
  where: string,
  expected: readonly OutputRecord[],
  got: readonly OutputRecord[],
): string | null {
  const agree = expected.length === got.length && expected.every((record, index) => sameRecord(record, got[index]!))
  return agree ? null : say(where, expected, got)
}

function sameRecord(expected: OutputRecord, got: OutputRecord): boolean {
  const same = expected[0] === got[0] && expected[1] === got[1] && expected[2] === got[2]
  return same && sameHeaders(expected[3] ?? [], got[3] ?? [])
}

function sameHeaders(expected: readonly HeaderPair[], got: readonly HeaderPair[]): boolean {
  if (expected.length !== got.length) return false
  return expected.every(
    ([name, value], index) => name === got[index]![0] && (value === '*' || value === got[index]![1]),
  )
}

function differentStores(expected: Outcome['stores'], got: Outcome['stores']): string | null {
  if (expected === null || got === null) return different('stores', expected, got)
  for (const name of [...new Set([...Object.keys(expected), ...Object.keys(got)])].sort()) {
    const difference = different(`store ${name}`, expected[name] ?? null, got[name] ?? null)
    if (difference !== null) return difference
  }
  return null
}
