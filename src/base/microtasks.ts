/** Resolves when the promises that could go on have gone on, and before the event loop goes round: no I/O and no timer comes between. */
export function afterMicrotasks(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
}
