/**
 * Names of nodes, stores and topics: Kafka Streams' rules, since names become parts of topic names and folders.
 */
import { StreamError } from '../base/errors.ts'
import { shown } from '../base/option-checks.ts'

const nameCharsMax = 249

/** Throws TOPOLOGY_INVALID unless `name` is one to 249 of the letters a-z, A-Z, digits, '.', '_' and '-', and not '.' or '..'. */
export function checkName(what: 'node' | 'store' | 'topic', name: string): void {
  const wrong = flawOf(name)
  if (wrong === null) return
  const given = typeof name !== 'string' ? shown(name) : `'${name.length > 60 ? `${name.slice(0, 60)}…` : name}'`
  throw new StreamError('TOPOLOGY_INVALID', `the ${what} name ${given} ${wrong}; give it another name`)
}

function flawOf(name: string): string | null {
  if (typeof name !== 'string') return 'is not a string'
  if (name === '') return 'is empty'
  if (name === '.' || name === '..') return 'is a folder of every file system'
  if (name.length > nameCharsMax) return `has ${name.length} characters, at most ${nameCharsMax} are allowed`
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) return "has other characters than letters, digits, '.', '_' and '-'"
  return null
}
