import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Source {
  /** From the root, with slashes. */
  readonly path: string
  readonly text: string
  /** The text without its comments; lines stand where they stood. */
  readonly code: string
}

/** All TypeScript files under these folders. */
export function sourcesIn(folders: readonly string[]): Source[] {
  return folders.flatMap((folder) => filesIn(folder)).map(readSource)
}

function readSource(file: string): Source {
  const text = readFileSync(path.join(root, file), 'utf8')
  return { path: file, text, code: withoutComments(text) }
}

function filesIn(folder: string): string[] {
  const full = path.join(root, folder)
  if (!existsSync(full)) return []
  if (statSync(full).isFile()) return [folder]
  return readdirSync(full, { recursive: true, encoding: 'utf8' })
    .map((file) => path.posix.join(folder, file.split(path.sep).join('/')))
    .filter((file) => /\.(ts|mts|js|mjs)$/.test(file) && !file.endsWith('.d.ts') && !file.includes('node_modules/'))
    .sort()
}

export function withoutComments(text: string): string {
  const blank = (comment: string): string => comment.replace(/[^\n]/g, ' ')
  return text.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/(?<=^|[\s;{}(),])\/\/.*$/gm, blank)
}

export interface Import {
  readonly line: number
  readonly specifier: string
}

/** All static and dynamic imports of a file, and what it exports from others. */
export function importsOf(source: Source): Import[] {
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)(?:'([^'\n]+)'|"([^"\n]+)")/g
  return [...source.code.matchAll(pattern)].map((match) => ({
    line: lineAt(source.code, match.index),
    specifier: (match[1] ?? match[2])!,
  }))
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

/** The file, from the root, that a relative import leads to. */
export function targetOf(source: Source, specifier: string): string {
  return path.posix.normalize(path.posix.join(path.posix.dirname(source.path), specifier))
}
