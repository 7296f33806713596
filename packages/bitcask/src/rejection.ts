/** A rejected promise. For functions that are not `async`, as that costs every call another promise. */
export function rejection(error: unknown): Promise<never> {
  return Promise.reject(error instanceof Error ? error : new Error(String(error)));
}
