/** What only a person can answer. Nothing means that they would not, or are not there. */
export interface Questions {
  /** A secret: never shown, kept or logged. */
  secret(text: string): Promise<string | undefined>;
  /** Whether to go on. */
  confirm(text: string): Promise<boolean>;
}

/** For when nobody is there. */
export const nobody: Questions = {
  secret: async () => undefined,
  confirm: async () => false,
};
