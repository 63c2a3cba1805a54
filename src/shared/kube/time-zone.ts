/** What is wrong with the name of a time zone; `undefined` when it is one of IANA's. */
export function timeZoneProblem(name: string): string | undefined {
  const unknown = `unknown time zone ${name}`;
  // Offsets and other spellings, which the platform knows besides, are no names of zones.
  if (name === 'UTC') return undefined;
  if (!/^[A-Z][A-Za-z0-9_+-]*(\/[A-Za-z0-9][A-Za-z0-9_+-]*)*$/.test(name)) return unknown;
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions();
    const isOtherCase = timeZone !== name && timeZone.toLowerCase() === name.toLowerCase();
    return isOtherCase ? unknown : undefined;
  } catch {
    return unknown;
  }
}
