/** Why a running application is to end: a signal or lost output, or an error. */
export class End {
  readonly #controller = new AbortController()
  readonly signal: AbortSignal = this.#controller.signal
  #failure: { readonly error: unknown } | null = null

  /** False if it was to end already. */
  stop(): boolean {
    if (this.signal.aborted) return false
    this.#controller.abort()
    return true
  }

  /** The first error is the one to tell. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#controller.abort()
  }

  throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error
  }
}
