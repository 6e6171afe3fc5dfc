import { dirname } from 'node:path'
import type { Files } from '../base/files.ts'

/**
 * Small files that are replaced whole and must survive a power cut.
 *
 * Laws
 *  K1  a reader finds the old content or the new, never a mixture
 *  K2  when `replaceFile` resolves, the new content is on the disk, and so is its name
 */
export async function replaceFile(files: Files, path: string, content: Buffer): Promise<void> {
  const temporary = `${path}.tmp`
  const file = files.open(temporary, 'write')
  try {
    file.truncate(0)
    file.write(content, 0, content.length, 0)
    // Before the rename: else the new name could stand for bytes that a power cut takes back (K1).
    await file.sync()
  } finally {
    file.close()
  }
  files.rename(temporary, path)
  await files.syncDirectory(dirname(path))
}

/** One line of Kafka's checkpoint files: words separated by spaces. */
export type CheckpointLine = readonly (string | number)[]

/** Kafka's text form: the version 0, the number of lines, the lines. */
export function encodeCheckpoint(lines: readonly CheckpointLine[]): Buffer {
  return Buffer.from(`0\n${lines.length}\n${lines.map((line) => `${line.join(' ')}\n`).join('')}`)
}

/** The lines of a checkpoint file, in words; null when it is none. */
export function parseCheckpoint(bytes: Buffer): string[][] | null {
  const [version, count, ...lines] = bytes.toString('latin1').split('\n')
  if (version !== '0' || lines.pop() !== '' || count !== String(lines.length)) return null
  return lines.map((line) => line.split(' '))
}

/** A whole number as Kafka writes it, from 0 on; null for anything else. */
export function parseNumber(word: string): number | null {
  const number = /^(0|[1-9]\d*)$/.test(word) ? Number(word) : null
  return number !== null && Number.isSafeInteger(number) ? number : null
}
