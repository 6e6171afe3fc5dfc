/**
 * Standard output and standard error may end before a command does: whoever reads them stops, as `head` does, or the disk they
 * go to is full.
 */
import { messageOf, StreamError } from '../base/errors.ts'

/** Calls `onLost` when one of them cannot be written: with null when nobody reads it any more, else with the error to tell. */
export function watchOutput(process: NodeJS.Process, onLost: (error: StreamError | null) => void): void {
  for (const [stream, name] of [
    [process.stdout, 'standard output'],
    [process.stderr, 'standard error'],
  ] as const) {
    stream.on('error', (error: NodeJS.ErrnoException) => onLost(error.code === 'EPIPE' ? null : lost(name, error)))
  }
}

function lost(name: string, cause: NodeJS.ErrnoException): StreamError {
  return cause.code === 'ENOSPC'
    ? new StreamError('DISK_FULL', `${name} cannot be written: no space left; free some and try again`, { cause })
    : new StreamError('DISK_FAILED', `${name} cannot be written: ${messageOf(cause)}; give it a place that can`, {
        cause,
      })
}
