import { join } from 'node:path'
import { StreamError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { replaceFile } from './checkpoint-file.ts'

const fileName = 'partition.metadata'
const uuidDigits = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/

/** The id of the topic a partition folder belongs to, from Kafka's partition.metadata; null when it is not (readably) there. */
export function readTopicId(files: Files, directory: string): string | null {
  const path = join(directory, fileName)
  if (!files.exists(path)) return null
  const found = /^version: 0\ntopic_id: ([\w-]{22})\n?$/.exec(files.read(path).toString('latin1'))
  if (found === null) return null
  const parts = uuidDigits.exec(Buffer.from(found[1]!, 'base64url').toString('hex'))
  return parts === null ? null : parts.slice(1).join('-')
}

/**
 * Writes it when it is not there; a folder of another topic is refused. No checksum covers the file, so the records beside
 * it may be sound.
 */
export async function claimTopicId(
  files: Files,
  directory: string,
  topicId: string,
  holdsRecords: boolean,
): Promise<void> {
  const found = readTopicId(files, directory)
  if (found === topicId) return
  const path = join(directory, fileName)
  if (found !== null) {
    const advice = holdsRecords
      ? 'restore this file from a copy, or move the folder away'
      : 'restore this file from a copy, or remove the folder, which holds no records'
    throw new StreamError('LOG_CORRUPT', `${path} says topic id ${found}, the topic has ${topicId}; ${advice}`)
  }
  const text = `version: 0\ntopic_id: ${Buffer.from(topicId.replaceAll('-', ''), 'hex').toString('base64url')}\n`
  await replaceFile(files, path, Buffer.from(text, 'latin1'))
}
