/** (filled in the next commit) */
export function useWasmGradients(): void {}
