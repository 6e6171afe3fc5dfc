import { dirname } from 'node:path'
import { StreamError } from '../base/errors.ts'
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

/** The lines of a checkpoint file; LOG_CORRUPT when it is none. */
export function readCheckpoint(files: Files, path: string): string[][] {
  const [version, count, ...rest] = files.read(path).toString('utf8').split('\n')
  const lines = rest.filter((line) => line !== '').map((line) => line.split(' '))
  if (version !== '0' || Number(count) !== lines.length) {
    throw new StreamError(
      'LOG_CORRUPT',
      `${path} is damaged: ${lines.length} lines of ${count}, version ${version}; restore this file`,
    )
  }
  return lines
}
