const zero = 48;
const nine = 57;
const upperA = 65;
const upperZ = 90;
const caseStep = 32;

/**
 * Orders texts as people do: runs of digits by their number, letters without regard to their case. Texts
 * that differ in nothing else are ordered by their characters. Many times faster than a collator.
 */
export function compareNaturally(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(j);
    if (isDigit(left) && isDigit(right)) {
      const startA = skipZeros(a, i);
      const startB = skipZeros(b, j);
      i = endOfDigits(a, startA);
      j = endOfDigits(b, startB);
      if (i - startA !== j - startB) return i - startA - (j - startB);
      for (let at = 0; startA + at < i; at++) {
        const difference = a.charCodeAt(startA + at) - b.charCodeAt(startB + at);
        if (difference !== 0) return difference;
      }
      continue;
    }
    const difference = lowered(left) - lowered(right);
    if (difference !== 0) return difference;
    i++;
    j++;
  }
  const rest = a.length - i - (b.length - j);
  if (rest !== 0) return rest;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine;
}

function lowered(code: number): number {
  return code >= upperA && code <= upperZ ? code + caseStep : code;
}

function skipZeros(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) === zero && isDigit(text.charCodeAt(at + 1))) at++;
  return at;
}

function endOfDigits(text: string, from: number): number {
  let at = from;
  while (at < text.length && isDigit(text.charCodeAt(at))) at++;
  return at;
}
