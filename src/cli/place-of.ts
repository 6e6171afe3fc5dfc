/**
 * Where in the user's own files an error comes from: in a stack their line stands among Node's, the compiler's and ours. Of a
 * module that cannot be parsed Node says only what is wrong, and prints the place when it ends by it.
 */
import { fileURLToPath } from 'node:url'
import { messageOf } from '../base/errors.ts'

const ours = ['src', 'dsl', 'state-stores'].map((room) => fileURLToPath(new URL(`../../${room}/`, import.meta.url)))

/** Where a loader puts the place of a mistake, before its text. */
const headPattern = /^((?:file:\/\/)?\/.+:\d+)$/m
const framePattern = /^\s+at (?:.*\()?((?:file:\/\/)?\/.+:\d+:\d+)\)?$/gm

/** The message, and behind it the place, where the error knows one, as `file:line` or `file:line:column`. */
export function messageWithPlace(error: unknown, file: string): string {
  const place = placeOf(error)
  if (place !== null) return `${messageOf(error)} (${place})`
  if (!(error instanceof SyntaxError)) return messageOf(error)
  return `${messageOf(error)}; to see where, run node --check ${file}, or check a file that it imports`
}

function placeOf(error: unknown): string | null {
  if (!(error instanceof Error) || error.stack === undefined) return null
  return headOf(error.stack) ?? frameOf(error.stack)
}

function headOf(stack: string): string | null {
  const [first = ''] = stack.split('\n', 1)
  const found = headPattern.exec(first)
  return found === null ? null : pathOf(found[1]!)
}

function frameOf(stack: string): string | null {
  for (const [, place] of stack.matchAll(framePattern)) {
    const path = pathOf(place!)
    if (!path.includes('/node_modules/') && !ours.some((room) => path.startsWith(room))) return path
  }
  return null
}

function pathOf(place: string): string {
  if (!place.startsWith('file://')) return place
  const [, url, position] = /^(.*?)((?::\d+){1,2})$/.exec(place)!
  return fileURLToPath(url!) + position
}
