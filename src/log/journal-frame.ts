/**
 * The frames of the journal, in our own format. A frame is what one fdatasync made durable:
 *
 *   magic u32, crc32c u32 (of all that follows), bytes of the entries u32, life i64, sequence i64, entries
 *
 * and an entry a piece of a .log file: folder, topic id, base offset of the segment, position in the file, bytes.
 */
import { ByteReader, ByteWriter, writeInt64 } from '../base/bytes.ts'
import { crc32c } from '../base/crc.ts'
import type { OpenFile } from '../base/files.ts'
import { KiB } from '../base/limits.ts'

const magic = 0x4d4a3031
const crcFrom = 8
const headerBytes = 28

/** Which bytes of which file. */
export interface JournalPlace {
  /** Name of the partition's folder. */
  readonly folder: string
  /** A later topic of the same name is another one. */
  readonly topicId: string
  readonly baseOffset: number
  readonly position: number
}

export interface JournalEntry extends JournalPlace {
  readonly bytes: Buffer
}

export interface JournalFrame {
  /** Which opening of the log directory wrote it. */
  readonly life: number
  readonly sequence: number
  readonly entries: readonly JournalEntry[]
}

/** Part of a file that is to be made durable. */
export interface JournalTail extends JournalPlace {
  readonly file: OpenFile
  readonly length: number
}

/** Collects the entries of the next frame. */
export class FrameBuilder {
  readonly #bytesMax: number
  readonly #writer = new ByteWriter(64 * KiB)

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
    this.reset()
  }

  reset(): void {
    this.#writer.reset()
    this.#writer.ensure(headerBytes)
    this.#writer.position = headerBytes
  }

  /** False: there is no room for it, or the file ends before. */
  add({ folder, topicId, baseOffset, position, file, length }: JournalTail): boolean {
    const writer = this.#writer
    const start = writer.position
    if (start + entryBytes(folder, topicId, length) > this.#bytesMax) return false
    this.#text(folder)
    this.#text(topicId)
    writer.int64(baseOffset)
    writer.int64(position)
    writer.uint32(length)
    writer.ensure(length)
    const at = writer.position
    // Where the read fails, nothing of the entry stays.
    writer.position = start
    if (file.read(writer.buffer, at, length, position) < length) return false
    writer.position = at + length
    return true
  }

  #text(text: string): void {
    this.#writer.uint32(Buffer.byteLength(text))
    this.#writer.utf8(text)
  }

  /** The whole frame; the bytes are the builder's own, and good until it is used again. */
  seal(life: number, sequence: number): Buffer {
    const frame = this.#writer.view()
    frame.writeUInt32BE(magic, 0)
    frame.writeUInt32BE(frame.length - headerBytes, crcFrom)
    writeInt64(frame, life, crcFrom + 4)
    writeInt64(frame, sequence, crcFrom + 12)
    frame.writeUInt32BE(crc32c(frame, crcFrom, frame.length), 4)
    return frame
  }
}

function entryBytes(folder: string, topicId: string, length: number): number {
  return 28 + Buffer.byteLength(folder) + Buffer.byteLength(topicId) + length
}

/** The frames at the beginning of a file, up to the first that is none. */
export function readFrames(content: Buffer): JournalFrame[] {
  const frames: JournalFrame[] = []
  let at = 0
  while (at + headerBytes <= content.length) {
    const end = at + headerBytes + content.readUInt32BE(at + crcFrom)
    if (content.readUInt32BE(at) !== magic || end > content.length) break
    if (crc32c(content, at + crcFrom, end) !== content.readUInt32BE(at + 4)) break
    frames.push(decodeFrame(content, at, end))
    at = end
  }
  return frames
}

function decodeFrame(content: Buffer, start: number, end: number): JournalFrame {
  const reader = new ByteReader(content, start + crcFrom + 4, end)
  const life = reader.int64()
  const sequence = reader.int64()
  const entries: JournalEntry[] = []
  const text = (): string => reader.utf8(reader.int32())
  while (reader.remaining > 0) {
    entries.push({
      folder: text(),
      topicId: text(),
      baseOffset: reader.int64(),
      position: reader.int64(),
      bytes: reader.bytes(reader.int32()),
    })
  }
  return { life, sequence, entries }
}
