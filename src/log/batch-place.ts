/** Where a batch lies decides, not what it says: no CRC covers its base offset. */

/** What is wrong with the place of a batch that should begin at `expected`; null when nothing is. Only compaction leaves gaps. */
export function gapProblem(baseOffset: number, expected: number, compacted: boolean): string | null {
  const follows = compacted ? baseOffset >= expected : baseOffset === expected
  return follows ? null : misplaced(baseOffset, expected)
}

export function misplaced(baseOffset: number, expected: number): string {
  return `a batch there says offset ${baseOffset}, ${expected} was expected`
}
